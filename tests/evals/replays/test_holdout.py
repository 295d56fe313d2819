"""The cheapest setting: chosen on some items, told on others."""

import math
from collections.abc import Sequence

import numpy as np

from evals.replays.estimating import Estimate
from evals.replays.holdout import Curve, cheapest, halves
from evals.replays.pool import Draws, Pool


def test_no_group_is_on_both_sides() -> None:
    rows = [Draws(f"q{n}", 0, f"g{n // 3}", ["1"], {"1": 1.0}, [1], [1], [None], [{}]) for n in range(30)]
    parts = halves(Pool(rows, items=30, repeats=1, seed=0, draws=1), 0.3, 0)
    assert parts is not None
    assert [len(part) for part in parts] == [21, 9]
    groups = [{int(id[1:]) // 3 for id in part} for part in parts]
    assert not groups[0] & groups[1]


def test_choosing_and_telling_on_the_same_items_would_flatter() -> None:
    """Ten settings of equal worth, 300 times: the chosen one's held-out accuracy is the truth, not the best of ten."""
    rng = np.random.default_rng(3)
    rows = [Draws(f"q{n}", 0, None, ["1"], {"1": 1.0}, [1], [1], [None], [{}]) for n in range(60)]
    pool = Pool(rows, items=60, repeats=1, seed=0, draws=1)
    held, flattered = [], []
    for _ in range(300):
        curves = []
        for n in range(10):
            score = (rng.random((60, 1)) < 0.6).astype(float)
            ones = np.ones((60, 1))
            curves.append(Curve(f"v{n}", "fixed", pool, Estimate(score, 0 * ones, ones, (n + 1) * ones, None)))
        told = cheapest(curves, [1], 0.5, 0.0, 0)
        assert told is not None
        held.append(told.accuracy)
        flattered.append(max(float(curve.estimate.score.mean()) for curve in curves))
    assert abs(np.mean(held) - 0.6) < 4 * math.sqrt(0.24 / 30 / 300)
    assert np.mean(flattered) > 0.65


def curve(pool: Pool, scores: Sequence[float], tokens: float) -> Curve:
    score = np.array(scores)[:, None]
    ones = np.ones_like(score)
    return Curve("majority", f"{tokens:g} tokens", pool, Estimate(score, 0 * ones, ones, tokens * ones, None))


def test_repeats_that_are_not_there_yet_are_no_difference() -> None:
    """Sixty items of which one of two repeats is done: the interval is that of the difference, wherever it lies."""
    rows = [Draws(f"q{n}", 0, None, ["1"], {"1": 1.0}, [1], [1], [None], [{}]) for n in range(60)]
    pool = Pool(rows, items=60, repeats=2, seed=0, draws=1)
    cheap, dear = [float(n % 6 > 1) for n in range(60)], [float(n % 6 > 0) for n in range(60)]
    told = cheapest([curve(pool, cheap, 10), curve(pool, dear, 20)], [1], 0.5, 0.2, 0)
    assert told is not None
    assert told.stop != told.best.stop
    low, high = told.difference_interval
    assert low <= told.difference <= high
    assert -0.5 < low < high < 0.5


def test_the_best_is_not_apart_from_itself() -> None:
    rows = [Draws(f"q{n}", 0, None, ["1"], {"1": 1.0}, [1], [1], [None], [{}]) for n in range(60)]
    pool = Pool(rows, items=60, repeats=1, seed=0, draws=1)
    told = cheapest([curve(pool, [float(n % 3 > 0) for n in range(60)], 10)], [1], 0.5, 0.01, 0)
    assert told is not None
    assert (told.difference, told.difference_interval) == (0.0, (0.0, 0.0))
