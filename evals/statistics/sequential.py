"""Intervals that hold however often one looks, and stops, while a run grows.

`betting` holds for any number of independent items, whatever their distribution: against each conceivable mean m a
gambler bets on every item, and a mean is ruled out when the capital against it reaches 1/α, which under that mean
happens with probability α at most, at any time (Ville). The capital is a mixture over fixed bets, so that the interval
depends on the values alone and not on their order. It is about 1.7 times as wide as one for a fixed number of items.
`mixture` does the same for clusters, approximately.

Sources: I. Waudby-Smith, A. Ramdas, JRSS B 86 (2024), arXiv 2010.09686; F. Orabona, K.-S. Jun, IEEE Trans. Inf. Theory
70 (2024), arXiv 2110.14099, for mixtures; I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy, A. Ramdas, Annals of
Statistics 52 (2024), arXiv 2103.06476, for the asymptotic one.
"""

import math
from collections import Counter
from collections.abc import Sequence

from evals.stats import CONFIDENCE, Interval

BETS = tuple(0.02 * (0.9 / 0.02) ** (k / 11) for k in range(12))
"""Shares of the capital that are put on one item: small ones for long runs, large ones for rare differences."""
TIGHTEST = 300
"""The number of clusters at which `mixture` is narrowest."""
_HALVINGS = 45


def betting(differences: Sequence[float], reach: float = 1.0, confidence: float = CONFIDENCE) -> Interval:
    """The always-valid interval of the mean of independent differences.

    Args:
        differences: In [−reach, reach].
        reach: The largest absolute value that a difference can take.
        confidence: Of all intervals at once that are made while items are added.
    """
    lower, upper = _shares(differences, reach)
    spent = (1 - confidence) / 2
    low, high = 2 * _least(lower, spent) - 1, 1 - 2 * _least(upper, spent)
    return Interval(max(-1.0, low * reach), min(1.0, high * reach), "betting, always valid")


def betting_p(differences: Sequence[float], difference: float = 0.0, *, reach: float = 1.0) -> float:
    """The always-valid p of a mean: at most α where `betting` rules it out at 1 − α, and only there.

    Twice one over the larger capital against the mean on either side; under it, ever at most α with probability α.

    Args:
        differences: In [−reach, reach].
        difference: The mean, above −reach and below `reach`.
        reach: The largest absolute value that a difference can take.
    """
    above, below = _shares(differences, reach)
    mean = (1 + difference / reach) / 2
    capital = max(_log_capital(above, mean), _log_capital(below, 1 - mean))
    return min(1.0, 2 * math.exp(-max(0.0, capital)))


def mixture(difference: float, error: float, clusters: int, confidence: float = CONFIDENCE) -> Interval:
    """The asymptotic always-valid interval of a mean over clusters: Robbins' normal mixture on its standard error.

    difference ± error √(2 (1 + 1/tρ²) log(√(tρ² + 1)/α)), t the clusters; right when there are many of them.
    """
    spread = clusters * _rate()
    half = error * math.sqrt(2 * (1 + 1 / spread) * math.log(math.sqrt(spread + 1) / (1 - confidence)))
    return Interval(max(-1.0, difference - half), min(1.0, difference + half), "normal mixture, always valid")


def mixture_p(difference: float, error: float, clusters: int) -> float:
    """The always-valid p of no difference that belongs to `mixture`."""
    spread = clusters * _rate()
    return min(1.0, math.sqrt(spread + 1) * math.exp(-((difference / error) ** 2) / (2 * (1 + 1 / spread))))


def _rate() -> float:
    """ρ², at which the mixture of 95 % is narrowest for `TIGHTEST` clusters."""
    twice = -2 * math.log(1 - CONFIDENCE)
    return (twice + math.log(twice) + 1) / TIGHTEST


def _shares(differences: Sequence[float], reach: float) -> tuple[Counter[float], Counter[float]]:
    """The differences moved into [0, 1], and the same from the other end."""
    from_below = Counter((1 + value / reach) / 2 for value in differences)
    return from_below, Counter((1 - value / reach) / 2 for value in differences)


def _log_capital(values: Counter[float], mean: float) -> float:
    """The log of the capital of one who bets that values in [0, 1] have a larger mean: falls as `mean` grows."""
    logs = [math.fsum(count * math.log1p(bet * (value / mean - 1)) for value, count in values.items()) for bet in BETS]
    most = max(logs)
    return most + math.log(math.fsum(math.exp(log - most) for log in logs) / len(logs))


def _least(values: Counter[float], spent: float) -> float:
    """The least mean that is not ruled out."""
    low, high = 0.0, math.fsum(value * count for value, count in values.items()) / values.total()
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle > 0 and _log_capital(values, middle) < math.log(1 / spent):
            high = middle
        else:
            low = middle
    return low
