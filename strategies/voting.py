"""From paths to one answer: votes and tallies.

The laws of voting: a path without an answer abstains; answers are classed by the one canonical key that scores them;
a tie is broken by a seeded rule that favours no answer, and is recorded.
"""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, field_serializer

from strategies.named import Named
from strategies.path import Path


class AnswerClass(BaseModel):
    """A class of equal answers.

    Attributes:
        key: Its canonical key.
        answer: The answer of its first path in index order.
        votes: Number of its paths.
        weight: Their weights' sum; equal to `votes` under a majority vote.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    answer: Any
    votes: int
    weight: float

    @field_serializer("answer", when_used="json")
    def _plain(self, answer: Any) -> Any:
        return answer if isinstance(answer, bool) else str(answer)


class Tally(BaseModel):
    """The classes of equal answers with their weights, the winner first.

    Attributes:
        classes: By falling weight; tied classes in the order that the tie rule gave them.
        abstained: Paths without an answer.
        tied: Keys of the classes that shared the highest weight, where more than one did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: tuple[AnswerClass, ...] = ()
    abstained: int = 0
    tied: tuple[str, ...] = ()

    @property
    def leader(self) -> AnswerClass | None:
        """The winning class, or None where every path abstained."""
        return self.classes[0] if self.classes else None

    def of_key(self, key: str) -> AnswerClass:
        """The class with that key.

        Raises:
            KeyError: No path gave such an answer.
        """
        for found in self.classes:
            if found.key == key:
                return found
        raise KeyError(key)


class Vote(Named):
    """How much each path's answer weighs. A pure function of the paths, in index order."""

    what: ClassVar[str] = "vote"
    group: ClassVar[str] = "reasoning.votes"
    names: ClassVar[Mapping[str, str]] = {"majority": "strategies.voting:Majority"}

    @abstractmethod
    def weights(self, paths: Sequence[Path]) -> Sequence[float]:
        """One weight a path, none below 0; what it says of paths that abstain is not read."""

    def tally(self, paths: Sequence[Path], salt: str) -> Tally:
        """Classes the paths' answers and adds up their weights.

        Args:
            paths: In index order.
            salt: What seeds the breaking of ties: the run's seed and the problem's id.
        """
        weight_of: dict[str, float] = {}
        votes_of: dict[str, int] = {}
        answer_of: dict[str, Any] = {}
        for path, weight in zip(paths, self.weights(paths), strict=True):
            if path.key is not None:
                weight_of[path.key] = weight_of.get(path.key, 0.0) + weight
                votes_of[path.key] = votes_of.get(path.key, 0) + 1
                answer_of.setdefault(path.key, path.answer)
        if not weight_of:
            return Tally(abstained=len(paths))
        order = sorted(weight_of, key=lambda key: (-weight_of[key], tie_rank(salt, key)))
        tied = [key for key in order if weight_of[key] == weight_of[order[0]]]
        return Tally.model_construct(
            classes=tuple(
                AnswerClass.model_construct(key=key, answer=answer_of[key], votes=votes_of[key], weight=weight_of[key])
                for key in order
            ),
            abstained=len(paths) - sum(votes_of.values()),
            tied=tuple(tied) if len(tied) > 1 else (),
        )


class Majority(Vote):
    """Plurality: each path that has an answer counts once (Wang et al. 2022, self-consistency)."""

    def weights(self, paths: Sequence[Path]) -> Sequence[float]:
        """1 for every path."""
        return [1.0] * len(paths)


def tie_rank(salt: str, key: str) -> bytes:
    """Orders tied classes by SHA-256 of salt and key: fixed for a run and problem, and blind to what the answer is."""
    return hashlib.sha256(f"{salt}\x00{key}".encode()).digest()
