"""A record as the page shows it: texts once, spans in the browser's units, nothing that needs Python to read."""

from collections.abc import Iterable
from typing import Any

from evals.lines.texts import Row, Texts
from evals.record import Record
from reasoning.completion import Completion
from reasoning.request import Request
from reasoning.shown import shown
from sandbox.outcome import Outcome
from strategies.path import Path

LONGEST = 100_000
"""Characters of one text that a report keeps."""
_COMMON_LEAST = 100
_COMMON_MOST = 64


class Common:
    """Texts that the prompts of a run share, such as their exemplars: each is on the page once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._number_of: dict[str, int] = {}

    def piece(self, text: str) -> str | int:
        """The text's number as −1, −2, …; the text itself where it is short, or there is no more room."""
        if len(text) < _COMMON_LEAST:
            return text
        number = self._number_of.get(text)
        if number is None:
            if len(self.texts) >= _COMMON_MOST:
                return text
            number = self._number_of[text] = len(self.texts)
            self.texts.append(text)
        return -1 - number


def shortened(text: str, span: tuple[int, int] | None, longest: int) -> tuple[str, tuple[int, int] | None]:
    """A text's beginning and end, with a word on what is left out, and where a span of it is then.

    Args:
        text: The text.
        span: A stretch of it, in characters.
        longest: Characters that are kept.

    Returns:
        The text, and the span in UTF-16 units, which browsers count in; None where it was left out.
    """
    if len(text) > longest:
        head, tail = longest // 2, longest - longest // 2
        start = len(text) - tail
        note = f"\n[… {len(text) - longest:,} characters are left out …]\n"
        if span is not None:
            moved = head + len(note) - start
            span = span if span[1] <= head else (span[0] + moved, span[1] + moved) if span[0] >= start else None
        text = text[:head] + note + text[start:]
    return text, None if span is None else (_units(text[: span[0]]), _units(text[: span[1]]))


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def packed(record: Record, common: Common, longest: int = LONGEST) -> dict[str, Any]:
    """A record as JSON.

    Texts stand in `texts`: each a text, or a list of pieces, which are texts, numbers of earlier rows, and −1, −2, …
    for the run's common texts.
    """
    return _Packer(record, common, longest).problem()


class _Packer:
    def __init__(self, record: Record, common: Common, longest: int) -> None:
        self.record, self.common, self.longest = record, common, longest
        self.question = self._short(record.result.problem.question)
        self.texts = Texts(self.question)
        self.prompts: list[Any] = []
        self.prompt_of: dict[int, int] = {}  # by identity: a log's line has each request once, and hashing it is slow
        self.prompt_rows: set[int] = set()
        self.class_of = {found.key: place for place, found in enumerate(record.result.tally.classes)}

    def problem(self) -> dict[str, Any]:
        record, result = self.record, self.record.result
        kind, worth = result.problem.kind, {path.key: score for path, score in self._scored() if path.key is not None}
        told = {
            "id": record.id,
            "repeat": record.repeat,
            "score": record.score,
            "answer": None if result.answer is None else kind.text(result.answer),
            "gold": record.gold,
            "group": record.group,
            "meta": {key: _plain(value) for key, value in record.metadata.items()},
            "stopped": result.stopped,
            "seconds": round(result.seconds, 3),
            "tokens": [result.usage.prompt_tokens, result.usage.completion_tokens],
            "cost": result.cost,
            "error": None if result.error is None else self._short(result.error),
            "notes": list(result.degradations),
            "unsafe": not result.order_safe,
            "abstained": result.tally.abstained,
            "tied": len(result.tally.tied),
            "classes": [[kind.text(c.answer), c.votes, c.weight, worth.get(c.key)] for c in result.tally.classes],
            "paths": [self._path(path, score) for path, score in self._scored()],
            "prompts": self.prompts,
        }
        told["texts"] = [self._row(number, row) for number, row in enumerate(self.texts.rows)]
        return _present(told)

    def _scored(self) -> Iterable[tuple[Path, float]]:
        return zip(self.record.result.paths, self.record.path_scores, strict=True)

    def _path(self, path: Path, score: float) -> dict[str, Any]:
        last = path.completions[-1] if path.completions else None
        span = None if last is None or path.span is None else shortened(last.text, path.span, self.longest)[1]
        told = {
            "index": path.index,
            "status": path.status,
            "answer": None if path.answer is None else self.record.result.problem.kind.text(path.answer),
            "class": None if path.key is None else self.class_of.get(path.key),
            "score": score if path.key is not None else None,
            "reason": None if path.reason is None else self._short(path.reason),
            "rule": path.rule,
            "span": span,
            "draws": self._draws(path.completions),
            "program": None if path.program is None else self._add(path.program),
            "outcome": None if path.outcome is None else self._outcome(path.outcome),
            "signals": path.signals,
            "asides": self._draws(path.asides),
            "member": path.member,
        }
        return _present(told)

    def _draws(self, completions: tuple[Completion, ...]) -> list[dict[str, Any]]:
        draws = []
        before: tuple[str, ...] = ()
        for one in completions:
            text = self._short(one.text)
            told = {
                "text": self.texts.add(text),
                "prompt": self._prompt(one.request, before),
                "reasoning": None if one.reasoning is None else self._add(one.reasoning),
                "tokens": [one.usage.prompt_tokens, one.usage.completion_tokens],
                "seconds": round(one.latency_s, 3),
                "finish": None if one.finish == "stop" else one.finish,
                "failure": None if one.failure is None else f"{one.failure.kind}: {one.failure.message}",
                "seed": one.seed,
            }
            draws.append(_present(told))
            asked = one.request.prompt if one.request is not None else None
            before = (asked, text) if asked is not None else ()
        return draws

    def _prompt(self, request: Request | None, before: tuple[str, ...]) -> int | None:
        if request is None:
            return None
        if id(request) not in self.prompt_of:
            self.prompt_of[id(request)] = len(self.prompts)
            if request.prompt is not None:
                self.prompts.append(self._asked(request.prompt, before))
            else:
                self.prompts.append([[turn.role, self._asked(turn.content)] for turn in request.messages])
        return self.prompt_of[id(request)]

    def _asked(self, text: str, before: tuple[str, ...] = ()) -> int:
        row = self.texts.add(self._short(text), (*before, self.question))
        self.prompt_rows.add(row)
        return row

    def _row(self, number: int, row: Row) -> Any:
        if number == 0 or number not in self.prompt_rows:
            return row
        if isinstance(row, str):
            piece = self.common.piece(row)
            return piece if isinstance(piece, str) else [piece]
        return [self.common.piece(piece) if isinstance(piece, str) else piece for piece in row]

    def _outcome(self, outcome: Outcome) -> dict[str, Any]:
        told: dict[str, Any] = {"status": str(outcome.status), "seconds": round(outcome.wall_s, 3)}
        if outcome.value is not None:
            told["value"] = self._short(shown(outcome.value))
        for key, text in (
            ("printed", outcome.stdout),
            ("warned", outcome.stderr),
            ("error", outcome.error),
            ("hint", outcome.hint),
        ):
            if text:
                told[key] = self._add(text)
        return told

    def _add(self, text: str) -> int:
        return self.texts.add(self._short(text))

    def _short(self, text: str) -> str:
        return shortened(text, None, self.longest)[0]


def _present(told: dict[str, Any]) -> dict[str, Any]:
    """What is there: no None, False, empty list or empty mapping. Zeros are kept."""
    return {
        key: value for key, value in told.items() if value is not None and value is not False and value not in ([], {})
    }


def _plain(value: object) -> Any:
    """A metadata value as JSON without NaN or infinity, which browsers refuse."""
    if value is None or isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and abs(value) < float("inf") else str(value)
