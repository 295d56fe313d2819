"""Intervals and standard errors of a mean score, and what a comparison could detect.

Sources: E. B. Wilson, JASA 22 (1927); E. Miller, "Adding Error Bars to Evals" (2024), arXiv 2411.00640, for clustered
errors, repeats and sample sizes.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance
from typing import NamedTuple

from reasoning.errors import ConfigError

CONFIDENCE = 0.95
POWER = 0.8
_ROUNDING = 1e-12


class Interval(NamedTuple):
    """A confidence interval of a mean score, within [0, 1], or of a difference of two, within [−1, 1].

    Attributes:
        low: Its lower end.
        high: Its upper end.
        method: "wilson", "t" or "clustered t"; of differences, see `evals.comparisons.contrast`.
    """

    low: float
    high: float
    method: str


def interval(
    scores: Sequence[float], groups: Sequence[Hashable] | None = None, confidence: float = CONFIDENCE
) -> Interval:
    """The confidence interval that suits the scores.

    Wilson's for independent scores of 0 and 1; Student's t for fractional scores; t on clustered errors where items
    share a group, with one degree of freedom less than there are groups. Where scores show no variance at all, t would
    give an interval of no width: Wilson's is taken instead, over the groups where there are any.

    Args:
        scores: In [0, 1], one an item.
        groups: Each item's group; None for an item on its own.
        confidence: E.g. 0.95.

    Raises:
        ConfigError: There are no scores.
    """
    n = _count(scores)
    mean = fmean(scores)
    clusters = None if groups is None else _clusters(scores, groups)
    if clusters is not None and len(clusters) < n:
        independent, se, method = len(clusters), clustered_se(scores, groups or ()), "clustered t"
    elif all(score in (0.0, 1.0) for score in scores):
        return wilson(sum(scores), n, confidence)
    else:
        independent, se, method = n, standard_error(scores), "t"
    if not se > _ROUNDING:
        return wilson(mean * independent, independent, confidence)
    half = _t_quantile((1 + confidence) / 2, independent - 1) * se
    return Interval(max(0.0, mean - half), min(1.0, mean + half), method)


def wilson(successes: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a proportion.

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n), with p = successes / n. Fractional counts are allowed: an upper
    bound on the variance of scores in [0, 1] is that of a proportion of the same mean.
    """
    z = _z((1 + confidence) / 2)
    p = successes / n
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Interval(max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale), "wilson")


def standard_error(scores: Sequence[float]) -> float:
    """s/√n of independent scores, s with n − 1; NaN for a single score."""
    n = _count(scores)
    return math.sqrt(variance(scores) / n) if n > 1 else math.nan


def clustered_se(scores: Sequence[float], groups: Sequence[Hashable]) -> float:
    """The standard error of the mean where items share groups.

    SE² = G/(G−1) · Σ_c (Σ_{i∈c} (s_i − s̄))² / n², over G groups; with every item on its own it is s/√n. NaN for one
    group alone.

    Args:
        scores: One an item.
        groups: Each item's group; None for an item on its own.
    """
    n = _count(scores)
    sums = _clusters(scores, groups)
    count = len(sums)
    if count < 2:
        return math.nan
    return math.sqrt(count / (count - 1) * sum(s * s for s in sums)) / n


def paired_se(a: Sequence[float], b: Sequence[float]) -> float:
    """The standard error of the mean difference of two runs on the same items: √(Var(a − b)/n)."""
    return standard_error([x - y for x, y in zip(a, b, strict=True)])


@dataclass(frozen=True, slots=True)
class Repeats:
    """Where the variance of repeated runs lies.

    Attributes:
        items: n.
        repeats: K, the fewest that an item has.
        mean: The mean of the items' means.
        within: σ², the variance of one item's score from repeat to repeat, averaged over the items.
        between: ω², the variance of the items' expected scores: that of their means less σ²/K, and not below 0.
    """

    items: int
    repeats: int
    mean: float
    within: float
    between: float

    def se(self, repeats: int | None = None) -> float:
        """The standard error of the mean over new items, with so many repeats of each: √((ω² + σ²/K)/n)."""
        return math.sqrt((self.between + self.within / (repeats or self.repeats)) / self.items)

    @property
    def run_to_run(self) -> float:
        """The standard deviation of one run's accuracy from repeat to repeat on these very items: √(σ²/n)."""
        return math.sqrt(self.within / self.items)


def repeated(scores: Sequence[Sequence[float]]) -> Repeats:
    """The variance within and between the items of repeated runs.

    Args:
        scores: For each item, its score in each repeat.

    Raises:
        ConfigError: There are fewer than two items, or an item has fewer than two repeats.
    """
    if len(scores) < 2 or min(map(len, scores)) < 2:
        raise ConfigError("Variance within and between repeats needs two items or more, each with two repeats or more.")
    means = [fmean(one) for one in scores]
    within = fmean(variance(one) for one in scores)
    noise = fmean(variance(one) / len(one) for one in scores)
    between = max(0.0, variance(means) - noise)
    return Repeats(len(scores), min(map(len, scores)), fmean(means), within, between)


def minimum_detectable(n: float, variance: float, confidence: float = CONFIDENCE, power: float = POWER) -> float:
    """The smallest true difference of two runs that a test would find, as often as `power` says.

    δ = (z_{α/2} + z_β) √(v/n).

    Args:
        n: Items.
        variance: v, of one item's contribution. Paired runs: Var(a − b), which is ω² + σ_A²/K_A + σ_B²/K_B for K_A and
            K_B repeats, ω² the variance of the difference of expected scores. Unpaired runs of n items each:
            Var(a) + Var(b).
        confidence: 1 − α, of a two-sided test.
        power: 1 − β.
    """
    return (_z((1 + confidence) / 2) + _z(power)) * math.sqrt(variance / n)


def items_needed(difference: float, variance: float, confidence: float = CONFIDENCE, power: float = POWER) -> int:
    """How many items show a true difference as often as `power` says: (z_{α/2} + z_β)² v/δ², rounded up.

    Args:
        difference: δ.
        variance: v, as in `minimum_detectable`.
        confidence: 1 − α, of a two-sided test.
        power: 1 − β.
    """
    if not difference:
        raise ConfigError("No number of items shows a difference of 0; name one above it.")
    return math.ceil((_z((1 + confidence) / 2) + _z(power)) ** 2 * variance / difference**2)


def _clusters(scores: Sequence[float], groups: Sequence[Hashable]) -> list[float]:
    """For each group, the sum of its scores' deviations from the mean."""
    mean = fmean(scores)
    sums: defaultdict[Hashable, float] = defaultdict(float)
    for index, (score, group) in enumerate(zip(scores, groups, strict=True)):
        sums[(None, index) if group is None else (group,)] += score - mean
    return list(sums.values())


def _count(scores: Sequence[float]) -> int:
    if not scores:
        raise ConfigError("There are no scores; a mean needs one or more.")
    return len(scores)


def _z(probability: float) -> float:
    return NormalDist().inv_cdf(probability)


def _t_quantile(probability: float, degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))
