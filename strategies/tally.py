"""Classes of equal answers with their weights."""

import hashlib
from typing import Any

from pydantic import BaseModel, ConfigDict, field_serializer


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


def tie_rank(salt: str, key: str) -> bytes:
    """Orders tied classes by SHA-256 of salt and key: fixed for a run and problem, and blind to what the answer is."""
    return hashlib.sha256(f"{salt}\x00{key}".encode()).digest()
