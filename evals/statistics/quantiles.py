"""Quantiles that were seen, such as a median latency."""

import math
from collections.abc import Sequence


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest figure that so large a share of them does not exceed.

    Args:
        ordered: From the least to the greatest; one or more.
        share: In [0, 1].
    """
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]
