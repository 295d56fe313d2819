"""One problem of a run, solved and scored."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evals.item import Item
from evals.score import score
from reasoning.answer import Answer
from reasoning.errors import ReasoningError
from strategies.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One problem in one repeat: what became of it and what it is worth.

    Attributes:
        result: What the strategy returned.
        score: In [0, 1]; 0 where there is no answer.
        path_scores: What each path's answer is worth, in the paths' order; 0 for a path without one.
        repeat: Which repeat of the run, from 0.
        gold: The right answer in plain characters; None where a verifier decides.
        group: The item's group, for clustered errors.
        metadata: The item's columns to slice by.
    """

    result: Result
    score: float
    path_scores: tuple[float, ...]
    repeat: int = 0
    gold: str | None = None
    group: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The problem's id."""
        return self.result.problem.id

    @property
    def answer(self) -> str | None:
        """The result's answer in plain characters; None where there is none."""
        answer = self.result.answer
        return None if answer is None else self.result.problem.kind.text(answer)

    @classmethod
    def of(cls, item: Item, result: Result, repeat: int = 0) -> "Record":
        """Scores a result. A verifier that breaks is an error of the item, on the record.

        Raises:
            ConfigError: The verifier gave something that is no score.
        """
        known: dict[str, float] = {}
        try:
            worth = _worth(item, result.key, result.answer, known)
            paths = tuple(_worth(item, path.key, path.answer, known) for path in result.paths)
        except ReasoningError:
            raise
        except Exception as error:  # noqa: BLE001 (a verifier is another's code, and one item must not end the run)
            broke = f"the verifier broke: {type(error).__name__}: {error}"
            result = result.model_copy(update={"answer": None, "key": None, "error": broke})
            worth, paths = 0.0, (0.0,) * len(result.paths)
        return cls(
            result=result,
            score=worth,
            path_scores=paths,
            repeat=repeat,
            gold=None if item.gold is None else item.problem.kind.text(item.gold),
            group=item.group,
            metadata=item.metadata,
        )


def _worth(item: Item, key: str | None, answer: Answer | None, known: dict[str, float]) -> float:
    """An answer's score, worked out once for each class of equal answers."""
    if key is None:
        return 0.0
    if key not in known:
        known[key] = score(item, answer)
    return known[key]
