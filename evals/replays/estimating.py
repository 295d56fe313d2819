"""What settings give on a pool: expected over random orders of its draws, and exactly in index order.

A random order of n draws holds, in its first k, a random subset of k. So the mean over orders of what a rule stops at
estimates, without bias, what the rule gives on fresh draws: both are draws without regard to their place.
Draws of an ensemble are alike within each member only, so there each member's draws are shuffled among themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from evals.replays import counting, rules, winners
from evals.replays.pool import Pool
from strategies.stopping import Stop
from strategies.voting import Majority, Vote

Array = Any

CELLS = 400_000
"""Draws that are looked at at once, so that they stay in the processor's caches."""
ASKED_ORDERS = 8
"""Orders of a problem where a vote or rule must be asked itself, prefix by prefix: some 30 µs each."""

Setting = tuple[Vote, Stop | None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a vote under a stopping rule gives for each problem and each number of samples: arrays of (rows, draws).

    Attributes:
        score: The expected score.
        variance: The Monte Carlo variance of that.
        draws: Expected draws.
        tokens: Expected tokens.
        costs: Expected US dollars; None where a price is unknown.
    """

    score: Array
    variance: Array
    draws: Array
    tokens: Array
    costs: Array | None


def expected(pool: Pool, settings: Sequence[Setting], orders: int, seed: int) -> list[Estimate]:
    """What settings are expected to give.

    Args:
        pool: The draws.
        settings: Votes, whose signals the pool has, each with a rule; None draws all samples.
        orders: Random orders a problem, where counting does not do.
        seed: Of those orders.
    """
    found: dict[Setting, Estimate] = {}
    fast: list[Setting] = []
    slow: list[Setting] = []
    for vote, stop in settings:
        if stop is None and _is_counted(pool, vote):
            found[vote, stop] = _counted(pool)
        else:
            known = winners.weighing(vote, pool) is not None and rules.is_known(stop)
            (fast if known else slow).append((vote, stop))
    for some, count in ((fast, orders), (slow, min(orders, ASKED_ORDERS))):
        if some:
            found |= _sampled(pool, some, count, seed)
    return [found[setting] for setting in settings]


def actual(pool: Pool, settings: Sequence[Setting]) -> list[Estimate]:
    """What settings give in index order, ties broken by the seeded rule: what a live run answers."""
    import numpy as np

    rows = np.arange(len(pool.rows))
    order = np.broadcast_to(np.arange(pool.draws), (len(rows), pool.draws))
    ordered = _Ordered(pool, rows, order, exact=True)
    return [ordered.estimate(vote, stop) for vote, stop in settings]


def _counted(pool: Pool) -> Estimate:
    import numpy as np

    score = np.zeros((len(pool.rows), pool.draws))
    for at, keys in enumerate(pool.keys):
        counts = np.bincount(pool.classes[at] + 1, minlength=len(keys) + 1)[1:].tolist()
        score[at] = counting.plurality_curve(counts, pool.worth[at, : len(keys)].tolist(), pool.draws)
    return _all_drawn(pool, score, np.zeros_like(score))


def _all_drawn(pool: Pool, score: Array, variance: Array) -> Estimate:
    """The costs of settings that draw all samples: k times the pool's mean."""
    import numpy as np

    each = np.arange(1, pool.draws + 1)

    def spent(values: Array) -> Array:
        return values.mean(axis=1, keepdims=True) * each

    draws = np.broadcast_to(each.astype(float), score.shape)
    return Estimate(score, variance, draws, spent(pool.tokens), None if pool.costs is None else spent(pool.costs))


def _sampled(pool: Pool, settings: Sequence[Setting], orders: int, seed: int) -> dict[Setting, Estimate]:
    import numpy as np

    parts: dict[Setting, list[Estimate]] = {setting: [] for setting in settings}
    rng = np.random.default_rng(seed)
    for rows in _chunks(len(pool.rows), max(1, CELLS // (orders * pool.draws))):
        repeated: Array = np.repeat(np.arange(rows.start, rows.stop), orders)
        order = _orders(rng.random((len(repeated), pool.draws), dtype=np.float32), pool.members)
        ordered = _Ordered(pool, repeated, order, each=orders)
        for vote, stop in settings:
            told = ordered.estimate(vote, stop, gained=_is_counted(pool, vote), saved=pool.members == 1)
            parts[vote, stop].append(told)
    found = {setting: _joined(some) for setting, some in parts.items()}
    if pool.members > 1:
        return found
    nothing = np.zeros((len(pool.rows), pool.draws))
    counted = _counted(pool) if any(_is_counted(pool, vote) for vote, _ in settings) else None
    uncounted = _all_drawn(pool, nothing, nothing)
    return {
        (vote, stop): _sum((_is_counted(pool, vote) and counted) or uncounted, told)
        for (vote, stop), told in found.items()
    }


def _is_counted(pool: Pool, vote: Vote) -> bool:
    """Whether what a vote gives over a fixed number of draws can be counted."""
    return type(vote) is Majority and pool.members == 1 and pool.draws <= counting.MOST


def _sum(one: Estimate, other: Estimate) -> Estimate:
    costs = None if one.costs is None else one.costs + other.costs
    return Estimate(
        one.score + other.score,
        one.variance + other.variance,
        one.draws + other.draws,
        one.tokens + other.tokens,
        costs,
    )


def _orders(noise: Array, members: int) -> Array:
    """A random order of the draws for each row of noise; each member's draws stay in that member's places."""
    import numpy as np

    order = np.empty(noise.shape, np.intp)
    for member in range(members):
        order[:, member::members] = noise[:, member::members].argsort(axis=1) * members + member
    return order


def _chunks(count: int, size: int) -> Iterator[range]:
    for start in range(0, count, size):
        yield range(start, min(count, start + size))


def _joined(parts: Sequence[Estimate]) -> Estimate:
    import numpy as np

    def joined(name: str) -> Array:
        values = [getattr(part, name) for part in parts]
        return None if values[0] is None else np.concatenate(values)

    return Estimate(*(joined(name) for name in ("score", "variance", "draws", "tokens", "costs")))


class _Ordered:
    """Draws of problems in one or more orders each, with the votes and decisions on all their prefixes.

    Args:
        pool: The draws.
        rows: The row of each order; the orders of a row stand together.
        order: For each order the draws by number: (orders, draws).
        each: Orders of a row.
        exact: Whether ties are broken by the seeded rule, and sums of weights added up as a live vote does.
    """

    def __init__(self, pool: Pool, rows: Array, order: Array, *, each: int = 1, exact: bool = False) -> None:
        import numpy as np

        self.pool, self.rows, self.order, self.each, self.exact = pool, rows, order, each, exact
        self._places = np.ascontiguousarray((order + rows[:, None] * pool.draws).T)
        self.classes = self._taken(pool.classes)
        self.tokens = self._taken(pool.tokens)
        self.costs = None if pool.costs is None else self._taken(pool.costs)
        self.worth = pool.worth[rows]
        self.rank = pool.tie_order[rows] if exact else None
        first, second = winners.leading_two(self.classes, self.worth.shape[1])
        written = np.cumsum(self._taken(pool.written), axis=0)
        self.orders = rules.Orders(self.classes, first, second, written)
        self._scores: dict[Vote, Array] = {}
        self._decided: dict[Stop, rules.Decided] = {}

    def estimate(self, vote: Vote, stop: Stop | None, *, gained: bool = False, saved: bool = False) -> Estimate:
        """What a setting gives, the mean over each row's orders.

        Args:
            vote: The vote.
            stop: The rule; None draws all samples.
            gained: Gives the score less what it would be with all samples drawn, which is 0 until an order stops.
            saved: Gives draws, tokens and costs less what they would be with all samples drawn.
        """
        import numpy as np

        if vote not in self._scores:
            self._scores[vote] = self._score(vote)
        score = self._scores[vote]
        last = np.full(score.shape[1], len(score) - 1)
        if stop is not None:
            if stop not in self._decided:
                self._decided[stop] = rules.decided(stop, self.orders)
            found = self._decided[stop]
            any_stop = found.stops.any(axis=0)
            last = np.where(any_stop, found.stops.argmax(axis=0), last)
            each = np.arange(len(last))
            held = score[last, each]
            if found.settles is not None:
                settled = found.settles[last, each]
                held = np.where(any_stop & (settled >= 0), self.worth[each, settled], held)
            decided = np.where(np.arange(len(score))[:, None] >= last, held, score)
            score = decided - score if gained else decided
        drawn = (np.arange(len(score))[:, None] <= last).astype(np.float32) - (1 if saved else 0)
        mean = self._mean(score)
        variance = np.zeros_like(mean)
        if self.each > 1:
            variance = np.maximum(0.0, self._mean(score, score) - mean * mean) / (self.each - 1)
        return Estimate(
            mean,
            variance,
            self._mean(drawn).cumsum(axis=1, dtype=float),
            self._mean(self.tokens, drawn).cumsum(axis=1),
            None if self.costs is None else self._mean(self.costs, drawn).cumsum(axis=1),
        )

    def _score(self, vote: Vote) -> Array:
        weighs = winners.weighing(vote, self.pool)
        if weighs is None or (self.exact and weighs.how == winners.SUM and not winners.adds_up_alike(vote)):
            signals = [
                [told[place] if place < len(told := self.pool.rows[row].signals) else {} for place in order]
                for row, order in zip(self.rows, self.order, strict=True)
            ]
            return winners.asked_worth(vote, self.classes, signals, self.worth, self.rank)
        weights = None if weighs.weights is None else self._taken(weighs.weights)
        if weighs.how == winners.BEST:
            return winners.best_worth(self.classes, weights, self.worth)
        return winners.winners_worth(self.classes, weights, self.worth, self.rank)

    def _taken(self, values: Array) -> Array:
        """Values of the draws in their orders: (draws, orders)."""
        return values.ravel().take(self._places)

    def _mean(self, values: Array, times: Array | None = None) -> Array:
        """The mean of values, or of their products, over the orders of each row: (rows, draws)."""
        import numpy as np

        shape = (len(values), -1, self.each)
        if self.each == 1:
            return (values if times is None else values * times).T
        if times is None:
            return values.reshape(shape).mean(axis=2).T
        return (np.einsum("dro,dro->dr", values.reshape(shape), times.reshape(shape)) / self.each).T
