"""The expected score of a plurality of k draws, over all subsets of k of a pool: counted, not sampled."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

Array = Any

MOST = 1000
"""Draws up to which the numbers of subsets fit a float."""


def plurality_curve(counts: Sequence[int], worth: Sequence[float], draws: int) -> Array:
    """The expected score of the plurality among k draws taken without replacement, for k = 1 … draws.

    Ties are broken at random: the seeded rule favours no answer. Draws in no class abstain; where all k do, the score
    is 0. A subset in which class j has m votes and t other classes have m too, and none has more, gives j's worth over
    1 + t. As 1/(1 + t) = ∫₀¹ uᵗ du, the sum over all subsets is a coefficient of a product of polynomials:

        E_k = [zᵏ] Σ_j w_j Σ_m C(c_j, m) zᵐ ∫₀¹ Π_{i≠j} (Σ_{x<m} C(c_i, x) zˣ + u C(c_i, m) zᵐ) du (1 + z)ᵃ / C(n, k)

    and Gauss-Legendre nodes give the integral exactly. All terms are positive, so nothing cancels.

    Args:
        counts: Draws of the pool in each class.
        worth: What each class is worth.
        draws: n, all draws of the pool.

    Returns:
        An array of n expected scores.
    """
    import numpy as np

    expected = np.zeros(draws)
    for at, (count, value) in enumerate(zip(counts, worth, strict=True)):
        if value:
            rivals = sorted(other for place, other in enumerate(counts) if place != at)
            expected += value * _chances(count, tuple(rivals), draws)
    return expected


@lru_cache(maxsize=4096)
def _chances(count: int, rivals: tuple[int, ...], draws: int) -> Array:
    """The chance, for k = 1 … draws, that a class of `count` draws wins against rivals of such counts."""
    import numpy as np

    binomials = _binomials(draws)
    votes, nodes, shares = _settings(count, rivals, draws)
    whole = np.zeros((len(votes), draws + 1))
    whole[np.arange(len(votes)), votes] = binomials[count, votes] * shares
    for rival in rivals:
        grown = whole.copy()  # no vote for this rival: below m, for m is at least 1
        for x in range(1, rival + 1):
            factor = np.where(x < votes, 1.0, np.where(x == votes, nodes, 0.0)) * binomials[rival, x]
            if not factor.any():
                break
            grown[:, x:] += factor[:, None] * whole[:, : draws + 1 - x]
        whole = grown
    ways = whole.sum(axis=0)
    abstained = draws - count - sum(rivals)
    ways = np.convolve(ways, binomials[abstained, : abstained + 1])[: draws + 1]
    chances: Array = ways[1:] / binomials[draws, 1:]
    return chances


def _settings(count: int, rivals: tuple[int, ...], draws: int) -> tuple[Array, Array, Array]:
    """For each number of votes m of the class: nodes u in (0, 1) that make the integral exact, and their weights."""
    import numpy as np

    votes, nodes, weights = [], [], []
    for m in range(1, count + 1):
        ties = min(sum(rival >= m for rival in rivals), draws // m - 1)
        points, shares = _nodes(ties // 2 + 1)
        votes += [m] * len(points)
        nodes.append(points)
        weights.append(shares)
    return np.array(votes), np.concatenate(nodes), np.concatenate(weights)


@cache
def _nodes(count: int) -> tuple[Array, Array]:
    """Gauss-Legendre on (0, 1): exact for polynomials of degree 2 · count − 1."""
    import numpy as np

    points, weights = np.polynomial.legendre.leggauss(count)
    return (points + 1) / 2, weights / 2


@cache
def _binomials(most: int) -> Array:
    """C(n, k) for n, k up to `most`."""
    import numpy as np

    found = np.zeros((most + 1, most + 1))
    found[:, 0] = 1
    for n in range(1, most + 1):
        found[n, 1:] = found[n - 1, 1:] + found[n - 1, :-1]
    return found
