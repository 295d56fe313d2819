"""Why problems were missed, and what the score would be without each cause."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from evals.labels import Labels
from evals.record import Record
from evals.run import Run
from evals.score import is_lost
from reasoning.answer import Answer, AnswerKind
from strategies.path import Path

Cause = Literal[
    "doubtful label",  # other labels leave the problem out, or have another gold
    "tie",  # the right class shared the highest weight
    "extraction",  # the gold stands in the text, and another answer or none was read
    "truncation",  # cut at max_tokens
    "refusal",  # refused, or withheld by a filter
    "program failure",  # the program gave no value
    "wrong reasoning",  # none of these
    "lost",  # a draw could not be had, or the strategy broke: it says nothing of the model
]
CAUSES: tuple[Cause, ...] = get_args(Cause)
_BY_STATUS: dict[str, Cause] = {
    "truncated": "truncation",
    "refused": "refusal",
    "filtered": "refusal",
    "program_failed": "program failure",
    "failed": "lost",
    "abandoned": "lost",
}
_NUMBER = re.compile(r"[-−]?[$€£]?\d(?:[\d.,/]*\d)?%?")
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")
_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A problem that is not right.

    Attributes:
        id: The problem.
        repeat: Which repeat.
        cause: Why.
        detail: The evidence, in a few words.
        score: What it is worth all the same.
        answer: What was answered, in plain characters.
        gold: What is right.
    """

    id: str
    repeat: int
    cause: Cause
    detail: str
    score: float
    answer: str | None
    gold: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Misses:
    """The misses of a run by cause.

    Attributes:
        planned: Problems, over all repeats.
        accuracy: As the run has it.
        misses: In the log's order.
        not_run: Planned problems that were never done; they are lost too.
        relabelled: The accuracy by the other labels, problems that they leave out left out; None without labels.
        labels: Where those are from.
        guessed: The share of the paths' answers that no marker, box or sentence speaks for; None where no path's
            answer was read in its text.
    """

    planned: int
    accuracy: float
    misses: tuple[Miss, ...]
    not_run: int = 0
    relabelled: float | None = None
    labels: str | None = None
    guessed: float | None = None

    def of(self, cause: Cause) -> tuple[Miss, ...]:
        """The misses of one cause."""
        return tuple(miss for miss in self.misses if miss.cause == cause)

    def count(self, cause: Cause) -> int:
        """How many problems a cause cost; what was never run is lost."""
        return len(self.of(cause)) + (self.not_run if cause == "lost" else 0)

    def corrected(self, cause: Cause) -> float:
        """The accuracy if all misses of a cause were right: an upper bound. By the labels, where those are doubtful."""
        if cause == "doubtful label" and self.relabelled is not None:
            return self.relabelled
        gained = self.count(cause) - sum(miss.score for miss in self.of(cause))
        return self.accuracy + gained / self.planned

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""
        causes = [{"cause": cause, "misses": self.count(cause), "corrected": self.corrected(cause)} for cause in CAUSES]
        fields = ("id", "repeat", "cause", "detail", "score", "answer", "gold")
        listed = [{field: getattr(miss, field) for field in fields} for miss in self.misses]
        head = {
            "planned": self.planned,
            "accuracy": self.accuracy,
            "labels": self.labels,
            "guessed": self.guessed,
        }
        return {**head, "causes": causes, "misses": listed}


def misses(run: Run, labels: Labels | None = None) -> Misses:
    """Classes each problem that is not wholly right.

    A vote is classed by the most frequent cause among its paths that are not right. "Extraction" errs on the high side:
    a gold that stands in the text may have been a step on the way to another answer; one that also stands in the
    question is not counted.

    Args:
        run: As loaded.
        labels: Other labels, by which a label is doubtful.
    """
    kind = run.header.task.kind
    found: list[Miss] = []
    kept = right = 0.0
    read: Counter[str] = Counter()
    for record in run.records:
        read.update(path.evidence for path in record.result.paths if path.evidence is not None)
        doubt, gold = _doubt(record, kind, labels)
        if doubt != "left out":
            kept += 1
            right += record.score if not doubt or gold is None else _worth(record, kind, gold)
        if record.score < 1:
            told: tuple[Cause, str] = ("doubtful label", doubt) if doubt else classed(record)
            cause, detail = told
            found.append(
                Miss(
                    id=record.id, repeat=record.repeat, cause=cause, detail=detail,
                    score=record.score, answer=record.answer, gold=record.gold,
                )
            )  # fmt: skip
    planned = max(run.header.planned, run.done, 1)
    not_run = planned - run.done
    return Misses(
        planned=planned,
        accuracy=run.accuracy,
        misses=tuple(found),
        not_run=not_run,
        relabelled=None if labels is None else right / max(1.0, kept + not_run),
        labels=None if labels is None else labels.source,
        guessed=read["guessed"] / read.total() if read else None,
    )


def classed(record: Record) -> tuple[Cause, str]:
    """Why a problem that is not right was missed, its label taken for right."""
    result = record.result
    statuses = [path.status for path in result.paths]
    if is_lost(result.answer is not None, statuses, result.error):
        return "lost", result.error or ", ".join(sorted({*statuses} & {"failed", "abandoned"})) or "no draw"
    worth = {path.key: score for path, score in zip(result.paths, record.path_scores, strict=True)}
    if any(worth.get(key, 0.0) == 1 for key in result.tally.tied):
        return "tie", f"{len(result.tally.tied)} classes shared the highest weight"
    wrong = [path for path, score in zip(result.paths, record.path_scores, strict=True) if score < 1]
    causes = [_of_path(path, record) for path in wrong]
    if not causes:
        return "wrong reasoning", "the right path was not chosen"
    cause = Counter(cause for cause, _ in causes).most_common(1)[0][0]
    number = sum(known == cause for known, _ in causes)
    detail = next(detail for known, detail in causes if known == cause)
    return cause, detail if len(result.paths) == 1 else f"{number} of {len(result.paths)} paths: {detail}"


def _of_path(path: Path, record: Record) -> tuple[Cause, str]:
    if path.status in _BY_STATUS:
        return _BY_STATUS[path.status], path.reason or path.status
    kind, question = record.result.problem.kind, record.result.problem.question
    gold = None if record.gold is None else kind.parse(record.gold)
    if path.outcome is not None:
        if gold is not None and path.status == "no_answer" and _stands(gold, kind, path.outcome.stdout):
            return "extraction", "the program printed the gold and left another value"
        return (
            ("wrong reasoning", "the program's value")
            if path.status == "ok"
            else ("program failure", path.reason or "")
        )
    if gold is not None:
        if _elsewhere(gold, kind, path.text):
            return "extraction", "another extractor finds the gold"
        if _stands(gold, kind, path.text) and not _stands(gold, kind, question):
            return "extraction", "the gold stands in the text"
    return "wrong reasoning", "" if path.status == "ok" else path.reason or "no answer"


def _elsewhere(gold: Answer, kind: AnswerKind, text: str) -> bool:
    """Whether a plainer extractor reads the gold: the last number, the last one in bold, or that of the last line."""
    lines = [line for line in text.splitlines() if line.strip()]
    bold = _BOLD.findall(text)
    found = [read.answer for part in (*lines[-1:], *bold[-1:]) if (read := kind.extract(part)) is not None]
    numbers = _NUMBER.findall(text) if kind.kind == "number" else []
    found += [value for number in numbers[-1:] if (value := kind.parse(number)) is not None]
    return any(kind.equal(answer, gold) for answer in found)


def _stands(gold: Answer, kind: AnswerKind, text: str) -> bool:
    """Whether the gold stands anywhere in a text."""
    read: Iterable[Answer | None]
    if kind.kind == "number":
        read = (kind.parse(number) for number in dict.fromkeys(_NUMBER.findall(text)))
    else:
        lines = [line for line in text.splitlines() if line.strip()][-_LINES:]
        read = (None if (found := kind.extract(line)) is None else found.answer for line in lines)
    return any(value is not None and kind.equal(value, gold) for value in read)


def _doubt(record: Record, kind: AnswerKind, labels: Labels | None) -> tuple[str, Answer | None]:
    """What is doubtful of a label, in a few words, and the other gold; "" where nothing is."""
    if labels is None:
        return "", None
    verdict, gold = labels.of(record, kind)
    if verdict == "removed":
        return "left out", None
    return (f"the gold is {kind.text(gold)}", gold) if verdict == "relabelled" and gold is not None else ("", None)


def _worth(record: Record, kind: AnswerKind, gold: Answer) -> float:
    answer = record.result.answer
    return float(answer is not None and kind.equal(answer, gold))
