"""Scales, ticks and the Pareto front."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.reporting.scales import (
    Scale,
    accuracy_range,
    bins,
    even_ticks,
    figure_range,
    front,
    log_ticks,
)

figures = st.floats(min_value=1e-3, max_value=1e6)


def test_a_scale_maps_its_ends_onto_its_ends() -> None:
    scale = Scale(0, 10, 100, 200)
    assert [scale(0), scale(5), scale(10)] == [100, 150, 200]
    upwards = Scale(0, 1, 300, 20)
    assert [upwards(0), upwards(1)] == [300, 20]


def test_equal_ratios_take_equal_room_on_a_log_scale() -> None:
    scale = Scale(1, 100, 0, 200, log=True)
    assert [scale(1), scale(10), scale(100)] == [0, 100, 200]


def test_what_is_outside_lies_at_the_edge() -> None:
    scale = Scale(1, 10, 0, 90)
    assert (scale(-5), scale(99)) == (0, 90)
    assert Scale(3, 3, 0, 90)(3) == 45


@given(figures, figures)
def test_ticks_lie_within_and_are_evenly_apart(low: float, span: float) -> None:
    high = low + span
    ticks = even_ticks(low, high)
    assert all(low - 1e-6 * span <= tick <= high + 1e-6 * span for tick in ticks)
    steps = [b - a for a, b in itertools.pairwise(ticks)]
    assert all(math.isclose(step, steps[0], rel_tol=1e-3) for step in steps)
    assert len(ticks) <= 7


@given(figures, st.floats(min_value=6, max_value=1e6))
def test_log_ticks_lie_within_and_are_two_or_more(low: float, ratio: float) -> None:
    ticks = log_ticks(low, low * ratio)
    assert len(ticks) >= 2
    assert all(low * 0.999 <= tick <= low * ratio * 1.001 for tick in ticks)
    assert ticks == sorted(ticks)


def test_even_ticks_are_round() -> None:
    assert even_ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert even_ticks(0, 730) == [0, 200, 400, 600]


def test_accuracies_show_all_intervals_and_no_more_than_all_shares() -> None:
    assert accuracy_range([0.0, 0.31], [0.53, 0.2]) == (0.0, pytest.approx(0.6))
    assert accuracy_range([0.913], [0.947]) == (pytest.approx(0.9), pytest.approx(0.96))
    assert accuracy_range([1.0], [1.0]) == (pytest.approx(0.98), 1.0)


def test_figures_far_apart_want_a_log_scale() -> None:
    assert figure_range([100, 4000])[2]
    assert figure_range([100, 400])[::2] == (0.0, False)
    assert figure_range([0.0]) == (0.0, pytest.approx(1.12), False)


def test_the_front_is_what_nothing_beats() -> None:
    points = [(1, 0.5), (2, 0.4), (3, 0.8), (3, 0.7), (9, 0.8), (1, 0.5)]
    assert front(points) == [0, 5, 2]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_the_front_agrees_with_its_definition(points: list[tuple[int, int]]) -> None:
    def beaten(one: tuple[int, int]) -> bool:
        return any(o != one and o[0] <= one[0] and o[1] >= one[1] for o in points)

    assert sorted(front(points)) == [number for number, one in enumerate(points) if not beaten(one)]


@given(st.lists(st.floats(min_value=0, max_value=1e4), min_size=1))
def test_every_figure_is_in_a_bin(values: list[float]) -> None:
    low, high, counts = bins(sorted(values))
    assert sum(counts) == len(values)
    assert 0 < low < high
