"""The difference of two proportions on the same items: Tango's interval and McNemar's exact test.

Both look only at the items where the runs differ. With no such item a bootstrap of the difference is [0, 0], which
claims to know all; Tango's interval stays as wide as the number of items warrants.

Sources: T. Tango, Statistics in Medicine 17 (1998) 891–908; Q. McNemar, Psychometrika 12 (1947) 153–157; compared with
others in M. Fagerland, S. Lydersen, P. Laake, Statistics in Medicine 33 (2014) 2850–2875.
"""

import math
from statistics import NormalDist

from evals.stats import CONFIDENCE, Interval

_HALVINGS = 60


def tango(
    gained: int, dropped: int, items: int, confidence: float = CONFIDENCE, *, continuity: bool = False
) -> Interval:
    """Tango's score interval of the difference (gained − dropped)/items.

    All differences Δ that the score test does not reject: |gained − dropped − nΔ| ≤ z √(n(2q̃ + Δ(1 − Δ))), where q̃ is
    the likeliest probability of a drop, given Δ.

    Args:
        gained: Items that only the second run has right.
        dropped: Items that only the first run has right.
        items: n, all items.
        confidence: E.g. 0.95.
        continuity: Takes half an item off the test statistic's numerator. At 100 items the plain interval errs on one
            side in up to 6.7 % of the cases instead of 5; with the correction in no case of more than 5.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    estimate, slack = (gained - dropped) / items, 0.5 if continuity else 0.0

    def rejected(difference: float) -> bool:
        distance = abs(gained - dropped - items * difference) - slack
        linear = (2 * items - gained + dropped) * difference - gained - dropped
        constant = -dropped * difference * (1 - difference)
        root = math.sqrt(max(0.0, linear * linear - 8 * items * constant))
        drop = max(0.0, (root - linear) / (4 * items))
        scale = items * (2 * drop + difference * (1 - difference))
        return distance > z * math.sqrt(max(0.0, scale))

    def end(outside: float) -> float:
        if not rejected(outside):
            return outside
        inside = estimate
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if rejected(middle) else (middle, outside)
        return (inside + outside) / 2

    return Interval(end(-1.0), end(1.0), "tango with continuity correction" if continuity else "tango")


def mcnemar(gained: int, dropped: int) -> float:
    """McNemar's exact p of no difference, two-sided: 2 P(X ≤ min), X binomial with gained + dropped trials of ½.

    For scores of 0 and 1 of independent items only.
    """
    flips = gained + dropped
    tail = term = 1
    for k in range(1, min(gained, dropped) + 1):
        term = term * (flips - k + 1) // k
        tail += term
    return min(1.0, float(_ratio(2 * tail, flips)))


def _ratio(numerator: int, power: int) -> float:
    """`numerator` / 2^`power`, where both are beyond the range of floats."""
    excess = max(0, numerator.bit_length() - 64)
    return math.ldexp(numerator >> excess, excess - power)
