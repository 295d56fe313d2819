"""The cheapest setting within a margin of the best: chosen on one part of the items, told on the other."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

from evals.replays.estimating import Estimate
from evals.replays.intervals import intervals
from evals.replays.points import Cheapest, Point
from evals.replays.pool import Pool

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Curve:
    """One vote under one rule, for every problem and number of samples.

    Attributes:
        vote: Its name.
        stop: Its name.
        pool: The draws.
        estimate: What it gives on them.
    """

    vote: str
    stop: str
    pool: Pool
    estimate: Estimate

    def points(self, numbers: Sequence[int]) -> list[Point]:
        """The expected figures at numbers of samples."""
        pool, told = self.pool, self.estimate
        at = [number - 1 for number in numbers]
        scale = pool.items * pool.repeats
        ends = pool.intervals(told.score[:, at])
        columns = zip(
            *(pool.mean(values[:, at]).tolist() for values in (told.draws, told.score, told.tokens)), strict=True
        )
        costs = [None] * len(at) if told.costs is None else pool.mean(told.costs[:, at]).tolist()
        errors = (told.variance[:, at].sum(axis=0) ** 0.5 / scale).tolist()
        return [
            Point(
                vote=self.vote,
                stop=self.stop,
                samples=number,
                draws=draws,
                accuracy=accuracy,
                interval=end,
                tokens=tokens,
                cost=cost,
                error=error,
            )
            for number, (draws, accuracy, tokens), end, cost, error in zip(
                numbers, columns, ends, costs, errors, strict=True
            )
        ]

    def part(self, ids: frozenset[str]) -> "Curve":
        """The curve on some of the items."""
        kept = [row.id in ids for row in self.pool.rows]
        values = {field.name: getattr(self.estimate, field.name) for field in fields(self.estimate)}
        cut = {name: None if value is None else value[kept] for name, value in values.items()}
        return Curve(self.vote, self.stop, self.pool.part(ids), Estimate(**cut))


def halves(pool: Pool, holdout: float, seed: int) -> tuple[frozenset[str], frozenset[str]] | None:
    """The items to choose on and those to tell on, with no group on both sides; None where one side is too small.

    Args:
        pool: Whose items.
        holdout: The share of groups to tell on.
        seed: Of which.
    """
    group_of = {row.id: row.group if row.group is not None else f"\x00{row.id}" for row in pool.rows}
    groups = sorted(set(group_of.values()), key=lambda group: hashlib.sha256(f"{seed}\x00{group}".encode()).digest())
    told = round(holdout * len(groups))
    if min(told, len(groups) - told) < 2:
        return None
    telling = set(groups[:told])
    reporting = frozenset(id for id, group in group_of.items() if group in telling)
    return frozenset(group_of) - reporting, reporting


def cheapest(
    curves: Sequence[Curve], numbers: Sequence[int], holdout: float, within: float, seed: int
) -> Cheapest | None:
    """The cheapest setting within a margin of the best; None where there are too few items to choose and to tell on.

    Cheapest in dollars, or in tokens where a price is unknown. The best is the best on the choosing items, too.
    """
    parts = halves(curves[0].pool, holdout, seed)
    if parts is None:
        return None
    choosing, reporting = parts
    priced = all(curve.estimate.costs is not None for curve in curves)
    candidates: list[tuple[float, float, Curve, int]] = []
    for curve in curves:
        part = curve.part(choosing)
        spent = part.pool.mean(part.estimate.costs if priced else part.estimate.tokens)
        score = part.pool.mean(part.estimate.score)
        candidates += [(float(score[at - 1]), float(spent[at - 1]), curve, at) for at in numbers]
    top = max(accuracy for accuracy, *_ in candidates)
    best = _cheapest(candidates, top - ROUNDING)
    chosen = _cheapest(candidates, top - within - ROUNDING)
    told, told_best = (curve.part(reporting) for _, _, curve, _ in (chosen, best))
    at, at_best = chosen[3], best[3]
    (point,), (best_point,) = told.points([at]), told_best.points([at_best])
    apart, groups = told.pool.by_item(told.estimate.score[:, [at - 1]] - told_best.estimate.score[:, [at_best - 1]])
    (ends,) = intervals((apart + 1) / 2, groups)  # a difference lies in [-1, 1]
    ends_apart = (0.0, 0.0) if chosen is best else (2 * ends.low - 1, 2 * ends.high - 1)
    return Cheapest(
        vote=point.vote,
        stop=point.stop,
        samples=point.samples,
        draws=point.draws,
        accuracy=point.accuracy,
        interval=point.interval,
        tokens=point.tokens,
        cost=point.cost,
        best=best_point,
        difference=point.accuracy - best_point.accuracy,
        difference_interval=ends_apart,
        within=within,
        chosen_on=len(choosing),
        reported_on=len(reporting),
    )


def _cheapest(candidates: Sequence[tuple[float, float, Curve, int]], least: float) -> tuple[float, float, Curve, int]:
    """Of those that reach an accuracy the one that spends least, and of equals the more accurate."""
    return min((one for one in candidates if one[0] >= least), key=lambda one: (one[1], -one[0]))
