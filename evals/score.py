"""Scores: one answer, and a run's headline. Pure functions."""

from collections.abc import Collection
from dataclasses import dataclass

from evals.item import Item
from reasoning.answer import Answer
from reasoning.errors import ConfigError

LOST: frozenset[str] = frozenset({"failed", "abandoned"})
"""The path statuses that say nothing of the model: a draw that could not be had, a deadline."""


def score(item: Item, answer: Answer | None) -> float:
    """What an answer is worth.

    Args:
        item: The item with its gold or its verifier.
        answer: The answer, of the kind's type; None where there is none, whatever the reason.

    Returns:
        0.0 or 1.0 against a gold, by the kind's canonical key; a verifier's value in [0, 1]. No answer is worth 0.0.

    Raises:
        ConfigError: The verifier gave something else.
    """
    if answer is None:
        return 0.0
    if item.verify is None:
        assert item.gold is not None
        return float(item.problem.kind.equal(answer, item.gold))
    value = float(item.verify(answer))
    if not 0.0 <= value <= 1.0:
        raise ConfigError(f"The verifier of item {item.id!r} gave {value}; scores lie in [0, 1].")
    return value


def is_lost(answered: bool, statuses: Collection[str], error: str | None = None) -> bool:
    """Whether an item is lost: it ended without an answer for a reason that says nothing of the model.

    Args:
        answered: Whether it has an answer. An item with an answer is never lost.
        statuses: Of its decided paths. No paths at all (a spend limit) is a loss; so is one path `failed` or
            `abandoned` among paths that gave no answer, for it might have.
        error: What broke in the strategy itself.
    """
    if answered:
        return False
    return error is not None or not statuses or not LOST.isdisjoint(statuses)


@dataclass(frozen=True, slots=True)
class Headline:
    """The score over all planned items.

    Attributes:
        planned: How many items the run set out to answer.
        lost: How many of them are lost, or not there yet.
        accuracy: The mean score over all planned items; a lost one counts 0.
        bounds: The accuracy if every lost item were wrong, and if every one were right.
    """

    planned: int
    lost: int
    accuracy: float
    bounds: tuple[float, float]
