"""The mean difference of fractional or clustered scores: a bootstrap interval and a sign-flip test.

Whole clusters are drawn, an item on its own being a cluster of one. The interval is the percentile one, with the levels
moved outwards as far as Student's t is wider than the normal distribution (T. Hesterberg, The American Statistician 69
(2015) 371–386). Simulated on 30 to 300 clusters with sparse and with frequent differences, it covered better than the
BCa and the studentised bootstrap, which trust a skewness that so few differing clusters cannot show.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from evals.stats import CONFIDENCE, Interval

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

RESAMPLES = 10_000
_AT_ONCE = 1 << 22
_EXACT = 13


class Clusters(NamedTuple):
    """Differences by cluster.

    Attributes:
        sums: Of each cluster's differences.
        sizes: Items of each cluster.
    """

    sums: "Array"
    sizes: "Array"

    @property
    def differing(self) -> int:
        """Clusters that show another difference than most do: than 0 as a rule, than 1 where nearly all gained."""
        import numpy as np

        _, alike = np.unique((self.sums / self.sizes).round(9), return_counts=True)
        return len(self.sums) - int(alike.max())


def clustered(differences: Sequence[float], groups: Sequence[Hashable] | None = None) -> Clusters:
    """Differences by group; None stands for an item on its own."""
    import numpy as np

    values = np.asarray(differences, dtype=float)
    if groups is None:
        return Clusters(values, np.ones(len(values)))
    place: dict[Hashable, int] = {}
    keys = [("item", i) if group is None else ("group", group) for i, group in enumerate(groups)]
    at = np.array([place.setdefault(key, len(place)) for key in keys])
    return Clusters(np.bincount(at, weights=values), np.bincount(at).astype(float))


def percentile(
    clusters: Clusters, confidence: float = CONFIDENCE, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """The bootstrap interval of the mean difference over items.

    Args:
        clusters: Two or more.
        confidence: E.g. 0.95.
        resamples: How often all clusters are drawn.
        seed: The same seed gives the same interval.
    """
    import numpy as np

    drawn = _drawn(clusters, resamples, seed)
    means = np.concatenate([_mean(sums, sizes) for sums, sizes in drawn])
    return _within(_quantiles(means, _outward((1 - confidence) / 2, clusters)), "clustered bootstrap")


def cautious(
    clusters: Clusters, confidence: float = CONFIDENCE, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """An interval that errs on neither side in more than (1 − confidence)/2 of the cases, for one-sided bounds.

    The hull of the percentile and the studentised interval, each at four fifths of the error: simulated on 50 to 200
    clusters with differences rare, repeated, clustered or nearly all on one side, one side erred in 2.6 to 5.0 % of
    the cases where 5 were allowed; the percentile interval alone in 3.4 to 8.3 %.
    """
    import numpy as np

    mean = float(_mean(clusters.sums, clusters.sizes))
    means, ratios = [], []
    for sums, sizes in _drawn(clusters, resamples, seed):
        found = _mean(sums, sizes)
        errors = _error(sums, sizes, found)
        means.append(found)
        ratios.append((found - mean) / np.maximum(errors, np.finfo(float).tiny ** 0.5))
    tail = 0.8 * (1 - confidence) / 2
    error = float(_error(clusters.sums, clusters.sizes, np.asarray(mean)))
    plain = _quantiles(np.concatenate(means), _outward(tail, clusters))
    most, least = _quantiles(np.concatenate(ratios), tail)
    ends = min(plain[0], mean - least * error), max(plain[1], mean - most * error)
    return _within(ends, "cautious clustered bootstrap")


def _drawn(clusters: Clusters, resamples: int, seed: int) -> Iterator[tuple["Array", "Array"]]:
    """Sums and sizes of the clusters of each resample, a block of resamples at a time."""
    import numpy as np

    count, chance = len(clusters.sums), np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // count)
    for start in range(0, resamples, rows):
        drawn = chance.integers(0, count, (min(rows, resamples - start), count))
        yield clusters.sums[drawn], clusters.sizes[drawn]


def _mean(sums: "Array", sizes: "Array") -> "Array":
    return sums.sum(axis=-1) / sizes.sum(axis=-1)  # type: ignore[no-any-return]


def _error(sums: "Array", sizes: "Array", mean: "Array") -> "Array":
    """The clustered standard error; see `evals.stats.clustered_se`."""
    count = sums.shape[-1]
    squares = ((sums - mean[..., None] * sizes) ** 2).sum(axis=-1)
    return (squares * count / (count - 1)) ** 0.5 / sizes.sum(axis=-1)  # type: ignore[no-any-return]


def _outward(tail: float, clusters: Clusters) -> float:
    """The normal tail that reaches as far as Student's t of so many clusters."""
    from scipy.special import ndtr, stdtrit

    count = len(clusters.sums)
    return float(ndtr((count / (count - 1)) ** 0.5 * stdtrit(count - 1, tail)))


def _quantiles(values: "Array", tail: float) -> tuple[float, float]:
    import numpy as np

    ends: list[float] = np.quantile(values, [tail, 1 - tail], method="median_unbiased").tolist()
    return ends[0], ends[1]


def _within(ends: tuple[float, float], method: str) -> Interval:
    return Interval(max(-1.0, ends[0]), min(1.0, ends[1]), method)


def sign_flip(clusters: Clusters, *, flips: int = RESAMPLES, seed: int = 0) -> float:
    """The p of no difference, two-sided: how often the sum is as far from 0 when clusters change sides at random.

    All sign patterns are counted where they are few; drawn, and the one seen added to them, otherwise.
    """
    import numpy as np

    sums = clusters.sums[abs(clusters.sums) > 1e-12]
    seen = abs(sums.sum()) - 1e-9
    if len(sums) <= _EXACT:
        patterns = (np.arange(1 << len(sums))[:, None] >> np.arange(len(sums))) & 1
        return float((abs((1 - 2 * patterns) @ sums) >= seen).mean())
    chance, rows, far = np.random.default_rng(seed), max(1, _AT_ONCE // len(sums)), 0
    for start in range(0, flips, rows):
        signs = 1.0 - 2.0 * chance.integers(0, 2, (min(rows, flips - start), len(sums)), dtype=np.int8)
        far += int((abs(signs @ sums) >= seen).sum())
    return (far + 1) / (flips + 1)
