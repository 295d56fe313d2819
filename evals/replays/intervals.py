"""`evals.stats.interval` for many columns of scores at once."""

from collections.abc import Sequence
from typing import Any

from evals.stats import CONFIDENCE, Interval, wilson

Array = Any

_ROUNDING = 1e-12


def intervals(scores: Array, groups: Sequence[str | None] | None, confidence: float = CONFIDENCE) -> list[Interval]:
    """For each column the interval that `evals.stats.interval` gives.

    Args:
        scores: In [0, 1]: (items, columns).
        groups: Each item's group; None for an item on its own.
        confidence: E.g. 0.95.
    """
    import numpy as np
    from scipy.special import stdtrit

    n = len(scores)
    place = _places(groups, n)
    count = int(place.max()) + 1
    mean = scores.mean(axis=0)
    sums = np.zeros((count, scores.shape[1]))
    np.add.at(sums, place, scores - mean)
    half = np.zeros_like(mean)
    if count > 1:
        error = np.sqrt(count / (count - 1) * (sums * sums).sum(axis=0)) / n
        half = np.where(error > _ROUNDING, stdtrit(count - 1, (1 + confidence) / 2) * error, 0.0)
    proportions = (count == n) & ((scores == 0) | (scores == 1)).all(axis=0)
    method = "t" if count == n else "clustered t"
    return [
        wilson(m * count, count, confidence) if alike or not h else Interval(max(0.0, m - h), min(1.0, m + h), method)
        for m, h, alike in zip(mean.tolist(), half.tolist(), proportions.tolist(), strict=True)
    ]


def _places(groups: Sequence[str | None] | None, n: int) -> Array:
    """The number of each item's group; an item on its own is a group."""
    import numpy as np

    if groups is None:
        return np.arange(n)
    number: dict[object, int] = {}
    keys = [(at,) if group is None else group for at, group in enumerate(groups)]
    return np.array([number.setdefault(key, len(number)) for key in keys])
