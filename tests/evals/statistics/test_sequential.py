"""Always-valid intervals: they hold at all looks at once, and rule out what they should."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from evals.statistics import sequential
from evals.statistics.paired import mcnemar
from evals.stats import clustered_se

EXPERIMENTS = 2000
LOOKS = (50, 100, 200, 400, 700, 1000)


def outcomes(gained: int, dropped: int, items: int) -> list[float]:
    return [1.0] * gained + [-1.0] * dropped + [0.0] * (items - gained - dropped)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 400), st.floats(-0.9, 0.9))
def test_the_interval_holds_the_means_whose_p_is_large(gained: int, dropped: int, same: int, mean: float) -> None:
    values = outcomes(gained, dropped, gained + dropped + same)
    ends = sequential.betting(values)
    assert ends.low <= (gained - dropped) / len(values) <= ends.high
    if min(abs(mean - ends.low), abs(mean - ends.high)) > 1e-9:
        assert (ends.low < mean < ends.high) == (sequential.betting_p(values, mean) > 0.05)


@settings(deadline=None, max_examples=40)
@given(st.permutations([1.0, 0.5, -0.25, 0.0, 0.0, 1.0, -1.0]))
def test_the_order_of_items_does_not_matter(values: list[float]) -> None:
    assert sequential.betting(values) == sequential.betting(sorted(values))


def test_capital_by_hand() -> None:
    """One item won at a mean of 0: each bet b grows by 1 + b, and a lost one shrinks it by 1 − b."""
    won = sum(1 + bet for bet in sequential.BETS) / len(sequential.BETS)
    assert sequential.betting_p([1.0]) == pytest.approx(min(1.0, 2 / won))
    both = sum((1 + bet) ** 8 for bet in sequential.BETS) / len(sequential.BETS)
    assert sequential.betting_p([1.0] * 8) == pytest.approx(2 / both)


def test_a_smaller_reach_is_a_matter_of_scale() -> None:
    values = [0.5, -0.25, 0.0, 0.5, 0.5] * 20
    small, large = sequential.betting(values, reach=0.5), sequential.betting([2 * value for value in values])
    assert (2 * small.low, 2 * small.high) == pytest.approx((large.low, large.high))


@pytest.mark.parametrize(("gain", "drop"), [(0.02, 0.02), (0.12, 0.06), (0.3, 0.3)])
def test_betting_holds_at_all_looks(gain: float, drop: float) -> None:
    """2,000 runs grown from 50 to 1,000 items, and looked at six times."""
    chance = np.random.default_rng(17)
    missed = sum(
        any(excludes(won, lost, won + lost + same, gain - drop) for won, lost, same in grown(chance, gain, drop))
        for _ in range(EXPERIMENTS)
    )
    assert 1 - missed / EXPERIMENTS >= 0.95


def test_a_test_for_a_fixed_number_of_items_does_not_hold_at_all_looks() -> None:
    """McNemar's, on two runs of the same accuracy."""
    chance = np.random.default_rng(19)
    refuted = sum(
        any(mcnemar(won, lost) <= 0.05 for won, lost, _ in grown(chance, 0.3, 0.3)) for _ in range(EXPERIMENTS)
    )
    assert refuted / EXPERIMENTS > 0.1


def grown(chance: np.random.Generator, gain: float, drop: float) -> list[list[int]]:
    """Items gained, dropped and the same at each look."""
    steps = np.diff([0, *LOOKS])
    found: list[list[int]] = chance.multinomial(steps, [gain, drop, 1 - gain - drop]).cumsum(axis=0).tolist()
    return found


@functools.cache
def excludes(won: int, lost: int, items: int, mean: float) -> bool:
    return sequential.betting_p(outcomes(won, lost, items), mean) <= 0.05


def test_the_mixture_holds_for_clusters_that_fill_up() -> None:
    """2,000 runs of 60 templates with 10 instances each, in random order, looked at each 100 items."""
    chance = np.random.default_rng(23)
    templates = np.repeat(np.arange(60), 10)
    missed = 0
    for _ in range(EXPERIMENTS):
        order = chance.permutation(600)
        lean = chance.normal(0, 0.15, 60)
        place = chance.random(600)
        won, lost = place < (0.2 + lean[templates]).clip(0, 0.5), place > 1 - (0.2 - lean[templates]).clip(0, 0.5)
        values, groups = (won.astype(float) - lost)[order], templates[order].tolist()
        missed += any(
            not ends.low <= 0 <= ends.high  # won and lost mirror each other over all templates
            for n in range(100, 601, 100)
            for ends in [_mixture(values[:n].tolist(), groups[:n])]
        )
    assert 1 - missed / EXPERIMENTS >= 0.95


def _mixture(values: list[float], groups: list[int]) -> sequential.Interval:
    error = clustered_se(values, groups)
    return sequential.mixture(sum(values) / len(values), error, len(set(groups)))


def test_the_mixture_and_its_p_agree() -> None:
    ends = sequential.mixture(0.1, 0.03, 200)
    edge = sequential.mixture_p((ends.high - ends.low) / 2, 0.03, 200)
    assert edge == pytest.approx(0.05)
    assert ends.high - 0.1 == pytest.approx(0.1 - ends.low)
    assert (ends.high - 0.1) / 0.03 > float(norm.ppf(0.975))
    assert math.isclose(sequential.mixture_p(0.0, 0.03, 200), 1.0)
