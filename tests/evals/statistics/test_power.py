"""What a run could show, against the formula, published figures and simulation."""

import random

import pytest

from evals.statistics.power import minimum_detectable
from reasoning.errors import ConfigError


def test_two_runs_of_gsm8k_at_90_percent_differ_visibly_from_3_3_points_on() -> None:
    # Unpaired SE √(2 · 0.09 / 1319) = 1.17 points (facts: ± 2.29 at 95 %), times 1.96 + 0.84.
    assert minimum_detectable(1319, 0.9) == pytest.approx(2.8016 * 0.0229 / 1.96, abs=2e-4)


def test_pairs_that_agree_often_show_more() -> None:
    unpaired = minimum_detectable(1000, 0.8)
    assert minimum_detectable(1000, 0.8, discordance=2 * 0.8 * 0.2) == pytest.approx(unpaired)
    assert minimum_detectable(1000, 0.8, discordance=0.08) == pytest.approx(unpaired / 2)


def test_repeats_gain_what_varies_from_repeat_to_repeat_and_no_more() -> None:
    assert minimum_detectable(500, 0.7, repeats=16) == minimum_detectable(500, 0.7)
    whole = 0.7 * 0.3
    assert minimum_detectable(500, 0.7, 4, within=whole) == pytest.approx(minimum_detectable(500, 0.7) / 2)
    assert minimum_detectable(500, 0.7, 4, 0.1, within=0.05) == pytest.approx(
        minimum_detectable(500, 0.7, discordance=0.1) / 2
    )


def test_a_paired_difference_of_that_size_is_found_in_80_percent_of_the_cases() -> None:
    chance, n, discordance = random.Random(5), 400, 0.2
    delta = minimum_detectable(n, 0.7, discordance=discordance)
    found = 0
    for _ in range(500):
        draws = [chance.random() for _ in range(n)]
        gained = sum(draw < (discordance + delta) / 2 for draw in draws)
        dropped = sum((discordance + delta) / 2 <= draw < discordance for draw in draws)
        mean = (gained - dropped) / n
        se = ((gained + dropped) / n - mean**2) ** 0.5 / n**0.5
        found += mean > 1.96 * se
    assert 0.74 <= found / 500 <= 0.88


@pytest.mark.parametrize("bad", [{"n": 0}, {"repeats": 0}, {"accuracy": 1.2}, {"discordance": -0.1}])
def test_what_is_no_share_or_count_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        minimum_detectable(**{"n": 100, "accuracy": 0.5, **bad})  # type: ignore[arg-type]
