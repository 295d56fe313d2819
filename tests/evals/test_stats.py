"""Intervals and errors against published figures and plain reference computations."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from evals import stats
from reasoning.errors import ConfigError

GSM8K_ITEMS = 1319


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775327998628892),
        (10, 10, 0.7224672001371107, 1.0),
        (81, 263, 0.2553, 0.3662),  # R. G. Newcombe, Stat. Med. 17 (1998), table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    found = stats.wilson(successes, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(counts: tuple[int, int]) -> None:
    successes, n = counts
    known = scipy_stats.binomtest(successes, n).proportion_ci(method="wilson")
    found = stats.wilson(successes, n)
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=1e-9)


def test_one_run_of_gsm8k_at_90_percent_is_known_to_1_62_points() -> None:
    right = round(0.9 * GSM8K_ITEMS)
    se = stats.standard_error([1.0] * right + [0.0] * (GSM8K_ITEMS - right))
    assert 1.96 * se == pytest.approx(0.0162, abs=5e-5)
    assert 1.96 * math.sqrt(2) * se == pytest.approx(0.0229, abs=5e-5)


def test_clustered_errors_by_hand() -> None:
    scores, groups = [1.0, 1.0, 0.0, 1.0, 0.0, 0.0], ["a", "a", "a", "b", "b", "c"]
    # Mean 1/2: deviations sum to 1/2, 0 and -1/2. SE² = 3/2 · (1/4 + 1/4) / 36.
    assert stats.clustered_se(scores, groups) == pytest.approx(math.sqrt(Fraction(3, 2) * Fraction(1, 2) / 36))


def test_items_on_their_own_have_the_plain_error() -> None:
    chance = random.Random(1)
    scores = [chance.random() for _ in range(50)]
    plain = stats.standard_error(scores)
    assert plain > 0.03
    assert stats.clustered_se(scores, range(50)) == pytest.approx(plain)
    assert stats.clustered_se(scores, [None] * 50) == pytest.approx(plain)


def test_copies_of_items_do_not_narrow_a_clustered_interval() -> None:
    scores = [float(random.Random(i).random() < 0.7) for i in range(40)]
    copied = [score for score in scores for _ in range(5)]
    groups = [i for i in range(40) for _ in range(5)]
    assert stats.clustered_se(copied, groups) == pytest.approx(stats.standard_error(scores))
    found = stats.interval(copied, groups)
    assert found.method == "clustered t"
    assert found.high - found.low > 2 * (stats.interval(copied).high - stats.interval(copied).low)


def test_the_interval_suits_the_scores() -> None:
    assert stats.interval([1.0, 0.0, 1.0]).method == "wilson"
    assert stats.interval([1.0, 0.0, 1.0], ["a", "b", None]).method == "wilson"
    fractional = [0.2, 0.5, 0.9, 0.4]
    found = stats.interval(fractional)
    known = scipy_stats.t.interval(0.95, 3, loc=0.5, scale=scipy_stats.sem(fractional))
    assert found.method == "t"
    assert (found.low, found.high) == pytest.approx((max(0.0, known[0]), min(1.0, known[1])))


@pytest.mark.parametrize(
    ("scores", "groups"),
    [([1.0] * 8, None), ([1.0] * 8, ["a", "b"] * 4), ([0.1] * 6, None), ([0.0, 1.0] * 4, ["a", "a", "b", "b"] * 2)],
)
def test_scores_without_variance_are_not_certain(scores: list[float], groups: list[str] | None) -> None:
    found = stats.interval(scores, groups)
    assert found.high - found.low > 0.2


def test_a_single_group_says_almost_nothing() -> None:
    found = stats.interval([1.0, 0.0, 1.0, 1.0], ["a"] * 4)
    assert found.high - found.low > 0.8


def test_clustered_intervals_hold_what_they_promise() -> None:
    """Simulated: 30 templates of 10 instances; a template's own difficulty is uniform on [0, 1]."""
    chance = random.Random(7)
    held = plain_held = 0
    for _ in range(400):
        scores, groups = [], []
        for template in range(30):
            difficulty = chance.random()
            scores += [float(chance.random() < difficulty) for _ in range(10)]
            groups += [template] * 10
        found, plain = stats.interval(scores, groups), stats.interval(scores)
        held += found.low <= 0.5 <= found.high
        plain_held += plain.low <= 0.5 <= plain.high
    assert 0.925 <= held / 400 <= 0.975
    assert plain_held / 400 < 0.8


def test_repeats_split_the_variance() -> None:
    chance = random.Random(3)
    chances = [chance.betavariate(2, 1) for _ in range(4000)]
    found = stats.repeated([[float(chance.random() < p) for _ in range(5)] for p in chances])
    # Beta(2, 1): the variance of p is 1/18, the mean of p(1 − p) is 1/6.
    assert found.between == pytest.approx(1 / 18, abs=0.006)
    assert found.within == pytest.approx(1 / 6, abs=0.006)
    assert found.se(1) > found.se() > found.se(100)
    assert found.run_to_run == pytest.approx(math.sqrt(1 / 6 / 4000), rel=0.05)


def test_repeats_that_agree_have_no_variance_within() -> None:
    found = stats.repeated([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]])
    assert found.within == 0
    assert found.se() == pytest.approx(stats.standard_error([1.0, 0.0, 1.0]))
    with pytest.raises(ConfigError, match="two repeats"):
        stats.repeated([[1.0], [0.0]])


def test_paired_error() -> None:
    a, b = [1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]
    assert stats.paired_se(a, b) == pytest.approx(scipy_stats.sem([0, 1, 0, 0]))


def test_minimum_detectable_and_items_needed_are_inverse() -> None:
    # Miller (2024), section 5: ω² = 1/9, no variance within, δ = 3 points, power 80 %: 969 questions.
    assert stats.items_needed(0.03, 1 / 9) == 969
    assert stats.minimum_detectable(969, 1 / 9) == pytest.approx(0.03, abs=1e-4)


def test_the_minimum_detectable_difference_is_found_as_often_as_promised() -> None:
    chance, n = random.Random(11), 400
    delta = stats.minimum_detectable(n, 2 * 0.6 * 0.4)
    found = 0
    for _ in range(600):
        a = [float(chance.random() < 0.6) for _ in range(n)]
        b = [float(chance.random() < 0.6 - delta) for _ in range(n)]
        found += abs(sum(a) - sum(b)) / n > 1.96 * math.hypot(stats.standard_error(a), stats.standard_error(b))
    assert 0.74 <= found / 600 <= 0.86


def test_no_scores_is_an_error_and_not_a_number() -> None:
    with pytest.raises(ConfigError, match="no scores"):
        stats.interval([])
    with pytest.raises(ConfigError, match="difference of 0"):
        stats.items_needed(0, 0.1)
