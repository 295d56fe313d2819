"""Tango's interval and McNemar's exact test against published figures, statsmodels and a direct maximisation."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar as known_mcnemar

from evals.statistics.paired import mcnemar, tango


@pytest.mark.parametrize(
    ("first_only", "second_only", "items", "low", "high"),
    [
        # M. Fagerland, S. Lydersen, P. Laake, Stat. Med. 33 (2014), table VI: airway hyper-responsiveness.
        (1, 7, 21, -0.517, -0.026),
        # The same data the other way round.
        (7, 1, 21, 0.026, 0.517),
    ],
)
def test_tango_agrees_with_published_intervals(
    first_only: int, second_only: int, items: int, low: float, high: float
) -> None:
    found = tango(first_only, second_only, items)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)


def score(difference: float, gained: int, dropped: int, items: int) -> float:
    """The score statistic with the drop's probability found by maximising the likelihood, by no formula of ours."""
    least, most = max(0.0, -difference), (1 - difference) / 2

    def unlikelihood(drop: float) -> float:
        parts = ((dropped, drop), (gained, drop + difference), (items - gained - dropped, 1 - 2 * drop - difference))
        return -sum(count * math.log(max(share, 1e-300)) for count, share in parts if count)

    drop = float(minimize_scalar(unlikelihood, bounds=(least, most), method="bounded", options={"xatol": 1e-13}).x)
    return (gained - dropped - items * difference) / math.sqrt(items * (2 * drop + difference * (1 - difference)))


@settings(deadline=None, max_examples=30)
@given(st.integers(20, 400).flatmap(lambda n: st.tuples(st.integers(1, n // 3), st.integers(1, n // 3), st.just(n))))
def test_tango_inverts_the_score_test(counts: tuple[int, int, int]) -> None:
    gained, dropped, items = counts
    found, z = tango(gained, dropped, items), float(norm.ppf(0.975))
    estimate = (gained - dropped) / items
    low = brentq(lambda d: score(d, *counts) - z, -1 + 1e-6, estimate)
    high = brentq(lambda d: score(d, *counts) + z, estimate, 1 - 1e-6)
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-5)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 500))
def test_tango_holds_the_estimate_and_mirrors(gained: int, dropped: int, rest: int) -> None:
    items = gained + dropped + rest
    found, turned = tango(gained, dropped, items), tango(dropped, gained, items)
    assert -1 <= found.low < (gained - dropped) / items < found.high <= 1
    assert (found.low, found.high) == pytest.approx((-turned.high, -turned.low), abs=1e-9)
    wider = tango(gained, dropped, items, continuity=True)
    assert wider.low <= found.low < found.high <= wider.high


def test_no_flips_are_not_certain() -> None:
    """z²/(n + z²): a bootstrap would give [0, 0]."""
    found = tango(0, 0, 24)
    assert found.high == pytest.approx(1.96**2 / (24 + 1.96**2), abs=1e-4)
    assert found.low == -found.high


@pytest.mark.parametrize(("gained", "dropped", "items"), [(0, 0, 1), (1, 0, 1), (0, 1, 1), (5, 0, 5), (0, 5, 5)])
def test_the_smallest_and_the_extreme_have_an_interval(gained: int, dropped: int, items: int) -> None:
    found = tango(gained, dropped, items)
    assert -1 <= found.low < found.high <= 1
    assert found.low <= (gained - dropped) / items <= found.high


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_agrees_with_statsmodels(gained: int, dropped: int) -> None:
    if not gained + dropped:
        assert mcnemar(gained, dropped) == 1.0  # statsmodels says NaN
        return
    known = known_mcnemar([[9, gained], [dropped, 9]], exact=True).pvalue
    assert mcnemar(gained, dropped) == pytest.approx(min(1.0, float(known)), rel=1e-9)


def test_mcnemar_of_thousands_of_flips() -> None:
    assert mcnemar(9000, 9100) == pytest.approx(0.46181611466, rel=1e-9)  # scipy.stats.binomtest(9000, 18100)
    assert mcnemar(3000, 0) == 0.0
