"""What curves are made of: one point a vote, stopping rule and number of samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evals.stats import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What an answer cost, on average over the problems, bought cold.

    Attributes:
        draws: Draws that were decided on.
        tokens: Prompt and completion tokens of them.
        cost: US dollars; None where a price is unknown.
    """

    draws: float
    tokens: float
    cost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual(Spent):
    """What a setting gives on these very draws in index order: what a live run of it answers, exactly.

    Attributes:
        accuracy: Over all planned problems.
        interval: Its 95 % interval, clustered by problem and by the item's group.
    """

    accuracy: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(Spent):
    """What a setting is expected to give: over random subsets of the pool in random order, not the first draws.

    Attributes:
        vote: The vote, as `--vote` takes it.
        stop: The stopping rule, as `--stop` takes it; "fixed" draws all samples.
        samples: Most draws a problem.
        accuracy: Expected over subsets, orders and the breaking of ties; over all planned problems.
        interval: Its 95 % interval over problems, clustered by problem and by the item's group.
        error: The Monte Carlo standard error within `accuracy`; 0 where it is counted exactly.
        actual: The same setting on the draws in index order.
    """

    vote: str
    stop: str
    samples: int
    accuracy: float
    interval: Interval
    error: float = 0.0
    actual: Actual | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cheapest(Spent):
    """The cheapest setting within a margin of the best, chosen on one part of the items and told on the other.

    The figures are those of the part that had no say in the choice: told on the items it was chosen on, the chosen
    setting would look better than it is.

    Attributes:
        vote: See `Point`.
        stop: See `Point`.
        samples: See `Point`.
        accuracy: On the held-out items.
        interval: Of that.
        best: The setting that did best on the choosing items, told on the held-out items.
        difference: Accuracy less that of `best`, on the held-out items.
        difference_interval: Its 95 % interval, low and high, paired and clustered; 0 and 0 where it is the best itself.
        within: The margin, as a share.
        chosen_on: Items it was chosen on.
        reported_on: Items it is told on.
    """

    vote: str
    stop: str
    samples: int
    accuracy: float
    interval: Interval
    best: Point
    difference: float
    difference_interval: tuple[float, float]
    within: float
    chosen_on: int
    reported_on: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Accuracy and cost of votes × stopping rules × numbers of samples.

    Attributes:
        points: By vote, stopping rule and samples, in the order asked for.
        cheapest: The cheapest setting within a margin of the best; None where nothing was held out, or too little.
        pool: Draws a problem that the figures rest on.
        orders: Random orders a problem, where counting does not do.
        notes: What a reader should know of the pool.
    """

    points: tuple[Point, ...]
    cheapest: Cheapest | None
    pool: int
    orders: int
    notes: tuple[str, ...] = ()

    def of(self, vote: str, stop: str) -> tuple[Point, ...]:
        """The points of one vote and rule, by samples."""
        return tuple(point for point in self.points if (point.vote, point.stop) == (vote, stop))

    def to_json(self) -> dict[str, Any]:
        """What `reasoning replay --json` prints."""
        return {
            "curves": [as_json(point) for point in self.points],
            "cheapest": None if self.cheapest is None else as_json(self.cheapest),
            "pool": self.pool,
            "orders": self.orders,
            "notes": list(self.notes),
        }


def as_json(told: Any) -> Any:
    """A dataclass of this module as plain values; an interval is its two ends."""
    if isinstance(told, Interval):
        return [told.low, told.high]
    if isinstance(told, tuple):
        return [as_json(value) for value in told]
    if isinstance(told, Mapping) or not hasattr(told, "__dataclass_fields__"):
        return told
    order = ("vote", "stop", "samples", "draws", "accuracy", "interval", "tokens", "cost")
    fields = [*order, *(name for name in told.__dataclass_fields__ if name not in order)]
    return {name: as_json(getattr(told, name)) for name in fields if name in told.__dataclass_fields__}
