"""What intervals and gate promise, by simulation: 2,000 experiments in each cell of a named grid.

The grid: 100 items (or clusters) and more, with differences frequent enough for ten or more to be expected. Rarer ones
are left to `betting`, which errs far less than 5 %.
"""

import functools
from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import binom

from evals.comparisons.contrast import contrast
from evals.statistics import bootstrap
from evals.statistics.bootstrap import Clusters
from evals.statistics.paired import tango

EXPERIMENTS = 2000
FEW = 400
"""Resamples: the quick simulations look at the method, not at the last digit."""

interval = functools.cache(tango)


@pytest.mark.parametrize("items", [100, 250, 1000])
@pytest.mark.parametrize(("gain", "drop"), [(0.05, 0.05), (0.15, 0.1), (0.3, 0.2)])
def test_tango_covers(items: int, gain: float, drop: float) -> None:
    chance = np.random.default_rng(items)
    counts = chance.multinomial(items, [gain, drop, 1 - gain - drop], EXPERIMENTS).tolist()
    found = [interval(won, lost, items) for won, lost, _ in counts]
    assert 0.93 <= np.mean([ends.low <= gain - drop <= ends.high for ends in found]) <= 0.97


def experiments(kind: str, count: int, seed: int) -> tuple[float, Iterator[Clusters]]:
    """The true difference, and 2,000 experiments.

    "repeats": items of Beta(2, 1) difficulty, four repeats in each run, B 5 % worse. "templates": clusters of 1 to 9
    items, each with its own chances of gains and drops.
    """
    chance = np.random.default_rng(seed)
    shape = (EXPERIMENTS, count)
    if kind == "repeats":
        right = chance.beta(2, 1, shape)
        sums = (chance.binomial(4, 0.95 * right) - chance.binomial(4, right)) / 4
        return -0.05 * 2 / 3, (Clusters(row, np.ones(count)) for row in sums)
    sizes = chance.integers(1, 10, shape)
    gain, drop = chance.uniform(0, 0.3, shape), chance.uniform(0, 0.2, shape)
    won = chance.binomial(sizes, gain)
    lost = chance.binomial(sizes - won, drop / (1 - gain))
    return 0.05, (Clusters(s, n) for s, n in zip((won - lost).astype(float), sizes.astype(float), strict=True))


@pytest.mark.parametrize("kind", ["repeats", "templates"])
def test_the_bootstrap_covers(kind: str) -> None:
    truth, found = experiments(kind, 100, 29)
    ends = [bootstrap.percentile(clusters, resamples=FEW) for clusters in found]
    assert 0.93 <= np.mean([one.low <= truth <= one.high for one in ends]) <= 0.97


@pytest.mark.parametrize("kind", ["repeats", "templates"])
def test_the_gate_on_clusters_errs_in_at_most_5_percent(kind: str) -> None:
    """At the margin's boundary: the lower bound lies above the truth, or the upper one below."""
    truth, found = experiments(kind, 100, 31)
    ends = [bootstrap.cautious(clusters, 0.9, resamples=FEW) for clusters in found]
    assert np.mean([one.low > truth for one in ends]) <= 0.05
    assert np.mean([one.high < truth for one in ends]) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["repeats", "templates"])
@pytest.mark.parametrize("count", [100, 300])
def test_finer_intervals_over_more_clusters_hold_as_much(kind: str, count: int) -> None:
    """The same with five times the resamples."""
    truth, found = experiments(kind, count, 37)
    plain, wide = [], []
    for clusters in found:
        ends = bootstrap.percentile(clusters, resamples=5 * FEW)
        bounds = bootstrap.cautious(clusters, 0.9, resamples=5 * FEW)
        plain.append(ends.low <= truth <= ends.high)
        wide.append((bounds.low > truth, bounds.high < truth))
    assert 0.93 <= np.mean(plain) <= 0.97
    assert np.mean(wide, axis=0).max() <= 0.05


@pytest.mark.parametrize("differing", [0.06, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("margin", [0.01, 0.02, 0.05])
def test_the_gate_errs_in_at_most_5_percent_exactly(margin: float, differing: float) -> None:
    """No simulation: the chances of all outcomes of 100 items are summed, the truth being a loss of the margin."""
    items, gain, drop = 100, (differing - margin) / 2, (differing + margin) / 2
    chances = binom.pmf(np.arange(items + 1), items, differing)
    splits = binom.pmf(np.arange(items + 1), np.arange(items + 1)[:, None], gain / (gain + drop))
    passed = refused = 0.0
    for won in range(items + 1):
        for lost in range(items + 1 - won):
            share = chances[won + lost] * splits[won + lost, won]
            if share > 1e-7:
                ends = bounds(won, lost, items)
                passed += share * (ends[0] > -margin)
                refused += share * (ends[1] < -margin)
    assert passed <= 0.05
    assert refused <= 0.05


@functools.cache
def bounds(won: int, lost: int, items: int) -> tuple[float, float]:
    differences = [1.0] * won + [-1.0] * lost + [0.0] * (items - won - lost)
    ends = contrast(differences, binary=True, confidence=0.9, cautious=True).interval
    return ends.low, ends.high
