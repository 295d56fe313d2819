"""The mean difference of two runs with the interval and the test that suit their scores.

| scores | a fixed number of items | grown and looked at |
|---|---|---|
| 0 and 1, independent items | Tango's interval, McNemar's exact p | betting |
| fractional (repeats too), independent items | bootstrap, sign flips | betting |
| clustered items | bootstrap over clusters, sign flips | normal mixture on clustered errors |
"""

import math
from collections.abc import Hashable, Sequence
from statistics import fmean
from typing import NamedTuple

from evals.statistics import bootstrap, paired, sequential
from evals.stats import CONFIDENCE, Interval, clustered_se

FEWEST_DIFFERING = 10
"""With fewer clusters that differ from the others a bootstrap has too little to draw from (simulated: 80 to 92 %
instead of 95), and where all are alike no error is seen at all: betting is taken, which holds for any number."""
_NOTHING = 1e-12


class Looks(NamedTuple):
    """How a run could be looked at before it was whole.

    Attributes:
        items: It was extended to more items.
        repeats: The repeats that it has now, where it was extended to more of them; else 0.
    """

    items: bool = False
    repeats: int = 0

    def __bool__(self) -> bool:
        return self.items or self.repeats > 0

    def level(self, confidence: float) -> float:
        """The confidence to ask of each interval, so that those for 1, 2, 3, … repeats hold all at once."""
        return 1 - (1 - confidence) / (self.repeats * (self.repeats + 1)) if self.repeats else confidence


class Contrast(NamedTuple):
    """A mean difference.

    Attributes:
        difference: The mean over items.
        interval: Of it.
        p: Of no difference, not adjusted for anything.
    """

    difference: float
    interval: Interval
    p: float


def contrast(
    differences: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    binary: bool,
    looks: Looks = Looks(),  # noqa: B008 (immutable)
    confidence: float = CONFIDENCE,
    cautious: bool = False,
) -> Contrast:
    """The mean difference, by the method of the table above.

    Args:
        differences: B − A, one an item.
        groups: Each item's group, None for an item on its own; None where there are no groups.
        binary: All scores are 0 or 1, one for each item and run.
        looks: How the runs could be looked at before.
        confidence: Of the interval.
        cautious: Rather wider than wrong too often on either side, for one-sided bounds; see `paired.tango` and
            `bootstrap.cautious`.
    """
    mean = mean_difference(differences)
    if looks:
        return _sequential(mean, differences, groups, looks, confidence)
    if binary and groups is None:
        gained, dropped = differences.count(1.0), differences.count(-1.0)
        ends = paired.tango(gained, dropped, len(differences), confidence, continuity=cautious)
        return Contrast(mean, ends, paired.mcnemar(gained, dropped))
    clusters = bootstrap.clustered(differences, groups)
    if clusters.differing < FEWEST_DIFFERING:
        ends = sequential.betting(*_stakes(clusters), confidence)
    else:
        ends = (bootstrap.cautious if cautious else bootstrap.percentile)(clusters, confidence)
    return Contrast(mean, ends, bootstrap.sign_flip(clusters))


def mean_difference(differences: Sequence[float]) -> float:
    """The mean over items; 0 where thirds and the like that cancel out leave a rounding error."""
    mean = fmean(differences)
    return mean if abs(mean) > _NOTHING else 0.0


def smoothed_variance(differences: Sequence[float], groups: Sequence[Hashable] | None = None) -> float:
    """The variance of one item's difference, for plans: n SE², as if two more items had differed, one each way.

    A small run that shows no difference does not show that there is none to come.
    """
    n = len(differences)
    error = clustered_se(differences, groups if groups is not None else [None] * n)
    return ((0.0 if math.isnan(error) else n * n * error * error) + 2) / (n + 2)


def _sequential(
    mean: float, differences: Sequence[float], groups: Sequence[Hashable] | None, looks: Looks, confidence: float
) -> Contrast:
    level = looks.level(confidence)
    price = (1 - confidence) / (1 - level)
    if groups is None:
        return Contrast(
            mean, sequential.betting(differences, confidence=level), min(1.0, price * sequential.betting_p(differences))
        )
    clusters = bootstrap.clustered(differences, groups)
    if clusters.differing < FEWEST_DIFFERING:
        stakes, reach = _stakes(clusters)
        ends, p = sequential.betting(stakes, reach, level), sequential.betting_p(stakes, reach=reach)
    else:
        error, count = clustered_se(differences, groups), len(clusters.sums)
        ends, p = sequential.mixture(mean, error, count, level), sequential.mixture_p(mean, error, count)
    return Contrast(mean, ends, min(1.0, price * p))


def _stakes(clusters: bootstrap.Clusters) -> tuple[list[float], float]:
    """Clusters as differences of one size each, whose mean is that over items, and the largest that they can take.

    Betting takes items of one size: a small cluster counts as a part of one as large as the largest.
    """
    scale = len(clusters.sums) / float(clusters.sizes.sum())
    return [scale * float(total) for total in clusters.sums], scale * float(clusters.sizes.max())
