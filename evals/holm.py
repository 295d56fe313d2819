"""Many comparisons at once."""

from collections.abc import Sequence


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """p-values after Holm: with all of them, an adjusted p of 5 % at most is wrong anywhere in 5 % of the cases.

    Intervals cannot step down as Holm does and still hold all at once; beside these p stand intervals of confidence
    1 − α/m (Bonferroni).

    Args:
        ps: One a comparison; None for a comparison without a test.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979) 65–70.
    """
    known = sorted((p, place) for place, p in enumerate(ps) if p is not None)
    adjusted: list[float | None] = [None] * len(ps)
    highest = 0.0
    for rank, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        adjusted[place] = highest
    return adjusted
