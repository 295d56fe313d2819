"""Reads a run's paths again, with another extractor or another gold, and takes the vote again. No model is called."""

from collections.abc import Sequence
from dataclasses import dataclass

from evals.item import Item
from evals.record import Record
from reasoning.answer import Answer, AnswerKind
from reasoning.errors import ConfigError
from reasoning.problem import Problem
from strategies.path import Path
from strategies.result import Result
from strategies.strategy import PathStrategy, Strategy
from strategies.two_stage import ANSWER_LEADS
from strategies.universal_self_consistency import NAMED, UniversalSelfConsistency
from strategies.voting import Majority
from strategies.waves import VotingStrategy

_LEADS = (*ANSWER_LEADS.values(), "Therefore, the answer is")
_READ = ("ok", "no_answer")


@dataclass(frozen=True, slots=True)
class Reread:
    """A record, read again.

    Attributes:
        record: With the answers and scores as they are now.
        unweighed: Paths that have an answer now and no weight in the log: they do not vote.
        short: The stopping rule would have drawn on; the vote is over what there is.
    """

    record: Record
    unweighed: int = 0
    short: bool = False


class Rereader:
    """Reads the records of one run again.

    Args:
        strategy: The run's.
        kind: How answers are read and compared from now on.
        seed: The run's.

    Raises:
        ConfigError: The strategy's vote cannot be taken from a log.
    """

    def __init__(self, strategy: Strategy, kind: AnswerKind, seed: int = 0) -> None:
        if not isinstance(strategy, PathStrategy | VotingStrategy | UniversalSelfConsistency):
            raise ConfigError(f"What {strategy.name()} answers cannot be worked out from a run's log; run it again.")
        self.strategy, self.kind, self.seed = strategy, kind, seed

    def reread(self, record: Record, item: Item) -> Reread:
        """A record as it is with this reader's kind and the item's gold or verifier."""
        old = record.result
        problem = old.problem.model_copy(update={"kind": self.kind})
        if old.error is not None:
            return Reread(Record.of(item, old.model_copy(update={"problem": problem}), record.repeat))
        paths = [read_again(path, problem) for path in old.paths]
        salt = f"{self.seed + record.repeat}\x00{record.id}"
        result, unweighed, short = self._decided(problem, old, paths, salt)
        result = result.model_copy(update={"seconds": old.seconds, "order_safe": old.order_safe})
        return Reread(Record.of(item, result, record.repeat), unweighed, short)

    def _decided(self, problem: Problem, old: Result, paths: list[Path], salt: str) -> tuple[Result, int, bool]:
        strategy, notes = self.strategy, old.degradations
        if isinstance(strategy, VotingStrategy):
            tried, key, reason = self._stopped(strategy, old, paths)
            decided = paths[:tried]
            voting = _voting(strategy, old.paths, decided)
            tally = strategy.vote.tally(voting, salt)
            unweighed = sum(a.key is not None and b.key is None for a, b in zip(decided, voting, strict=True))
            if key is not None and all(found.key != key for found in tally.classes):
                key = None
            result = Result.decided(problem, decided, tally, reason or old.stopped, key=key, degradations=notes)
            return result, unweighed, reason is None
        tally = Majority().tally(paths, salt)
        picked = _picked(old, paths) if isinstance(strategy, UniversalSelfConsistency) else None
        return Result.decided(problem, paths, tally, old.stopped, key=picked, degradations=notes), 0, False

    @staticmethod
    def _stopped(strategy: VotingStrategy, old: Result, paths: Sequence[Path]) -> tuple[int, str | None, str | None]:
        """How many paths are decided on, the class that the rule settles on, and why; no reason where it goes on."""
        if strategy.stop is not None and old.order_safe:
            for tried in range(1, len(paths) + 1):
                decision = strategy.stop.decide(paths[:tried])
                if decision is not None:
                    return tried, decision.key, decision.reason
            if len(paths) < strategy.samples:
                return len(paths), None, None
        return len(paths), None, old.stopped


def read_again(path: Path, problem: Problem) -> Path:
    """A path with the answer that its text, or its program's value, gives under the problem's kind."""
    kind, seen = problem.kind, {"signals": path.signals, "asides": path.asides, "member": path.member}
    if path.status not in _READ or not path.completions:
        return path if path.answer is None else _kept(path, kind)
    if path.outcome is not None:
        ran = {**seen, "program": path.program, "outcome": path.outcome}
        answer = kind.parse(path.outcome.value) if path.outcome.ok else None
        if answer is None:
            reason = f"the program's value is no {kind.kind}"
            return Path.without_answer(path.index, "no_answer", reason, path.completions, **ran)
        return Path.answered(problem, path.index, path.completions, answer, rule="program", **ran)
    return Path.read(problem, path.index, path.completions, lead=_lead(path)).model_copy(update=seen)


def _kept(path: Path, kind: AnswerKind) -> Path:
    """A path of a strategy that keeps no completions: its answer, classed anew."""
    answer: Answer | None = kind.parse(str(path.answer))
    if answer is None:
        return Path.without_answer(path.index, "no_answer", f"{path.answer} is no {kind.kind}")
    return path.model_copy(update={"answer": answer, "key": kind.key(answer)})


def _lead(path: Path) -> str:
    """What stood before the text, where a second call only completed "Therefore, the answer is"."""
    asked = path.completions[-1].request
    if asked is None or len(path.completions) < 2:
        return ""
    if asked.prompt is not None:
        return next((lead for lead in _LEADS if asked.prompt.endswith(f"\n{lead}")), "")
    return next((f"{lead} " for lead in _LEADS if asked.messages[-1].content == lead), "")


def _voting(strategy: VotingStrategy, old: Sequence[Path], paths: Sequence[Path]) -> list[Path]:
    """The paths as the vote sees them: one that was never weighed abstains where the others were."""
    weighed = any(path.signals for path in old)
    if isinstance(strategy.vote, Majority) or not weighed:
        return list(paths)
    blank = {"answer": None, "key": None, "status": "no_answer"}
    return [path if path.signals or path.key is None else path.model_copy(update=blank) for path in paths]


def _picked(old: Result, paths: Sequence[Path]) -> str | None:
    """The class of the response that the model picked, as it is read now."""
    if old.stopped != "the model picked":
        return None
    voters = [place for place, path in enumerate(old.paths) if path.key is not None]
    asides = old.paths[voters[0]].asides if voters else ()
    named = NAMED.search(asides[-1].text) if asides else None
    number = int(named[1]) if named else 0
    return paths[voters[number - 1]].key if 1 <= number <= len(voters) else None
