"""Many comparisons at once."""

from collections.abc import Sequence


def holm(ps: Sequence[float]) -> list[float]:
    """p-values after Holm: with all of them, an adjusted p of 5 % at most is wrong anywhere in 5 % of the cases.

    Intervals cannot step down as Holm does and still hold all at once; beside these p stand intervals of confidence
    1 − α/m (Bonferroni).

    Args:
        ps: One a comparison.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979) 65–70.
    """
    adjusted, highest = [1.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        highest = max(highest, min(1.0, ps[place] * (len(ps) - rank)))
        adjusted[place] = highest
    return adjusted
