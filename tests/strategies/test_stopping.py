"""The published rules to the letter, on index-order prefixes."""

import random
from collections.abc import Sequence
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solving import PROBLEM, usage, voted

from reasoning.completion import Completion
from reasoning.errors import ConfigError, UnknownNameError
from strategies.path import Path
from strategies.stopping import Adaptive, Both, Either, Fixed, Stop, TokenLimit, Window, ahead, least_leader


@pytest.mark.parametrize(("confidence", "leaders"), [(0.95, [4, 6, 8, 9, 11, 12]), (0.99, [6, 9, 11, 13, 14, 16])])
def test_adaptive_has_the_papers_table(confidence: float, leaders: list[int]) -> None:
    assert [least_leader(confidence, second) for second in range(6)] == leaders


@given(first=st.integers(0, 40), second=st.integers(0, 40))
def test_ahead_is_the_papers_formula(first: int, second: int) -> None:
    n = first + second + 1
    assert ahead(first, second) == pytest.approx(1 - 2.0**-n * sum(comb(n, k) for k in range(second + 1)))


def test_adaptive_counts_only_paths_that_have_an_answer() -> None:
    rule = Adaptive(confidence=0.95)
    assert rule.decide(voted(18, None, 18, None, 18)) is None
    assert rule.decide(voted(18, None, 18, None, 18, 18)) is not None
    assert rule.decide(voted(18, 18, 18, 18, 7)) is None


def test_window_wants_one_whole_window_unanimous() -> None:
    rule = Window(size=5)
    assert rule.decide(voted(7, 18, 18, 18, 18, 18)) is None
    decision = rule.decide(voted(7, 7, 7, 1, 2, 18, 18, 18, 18, 18))
    assert decision is not None
    assert decision.key == PROBLEM.kind.key(voted(18)[0].answer)
    assert rule.decide(voted(18, 18, None, 18, 18)) is None


def test_fixed_and_token_limit() -> None:
    assert Fixed(samples=3).decide(voted(1, 2)) is None
    assert Fixed(samples=3).decide(voted(1, 2, 3)) is not None
    written = [Path.without_answer(i, "no_answer", "", (Completion(index=i, usage=usage(10, 30)),)) for i in range(4)]
    assert TokenLimit(tokens=100).decide(written[:3]) is None
    assert TokenLimit(tokens=100).decide(written) is not None


def test_rules_compose() -> None:
    either, both = Adaptive() | Fixed(samples=10), Adaptive() & Fixed(samples=6)
    assert isinstance(either, Either)
    assert isinstance(both, Both)
    assert either.decide(voted(1, 1, 1, 1)) is not None
    assert either.decide(voted(*range(10))) is not None
    assert both.decide(voted(1, 1, 1, 1)) is None
    assert both.decide(voted(1, 1, 1, 1, 1, 1)) is not None


def test_rules_are_written_and_read_by_name() -> None:
    rule = Window(size=4) | (Adaptive(confidence=0.9) & Fixed(samples=8))
    assert Stop.of_config(rule.config) == rule
    assert Stop.of_config("adaptive") == Adaptive()
    with pytest.raises(UnknownNameError, match="Did you mean 'adaptive'"):
        Stop.of_config("adaptiv")
    with pytest.raises(UnknownNameError, match="Did you mean 'confidence'"):
        Stop.of_config({"adaptive": {"confidense": 0.9}})
    with pytest.raises(ConfigError, match="confidence"):
        Stop.of_config({"adaptive": {"confidence": 1.5}})


RULES: Sequence[Stop] = (
    Fixed(samples=7),
    Adaptive(),
    Adaptive(confidence=0.99),
    Window(size=5),
    Window(size=3) | Adaptive(),
    Adaptive() & Fixed(samples=9),
)


@given(rule=st.sampled_from(RULES), answers=st.lists(st.sampled_from([1, 2, 3, None]), min_size=1, max_size=40))
def test_a_wave_never_draws_a_path_in_vain(rule: Stop, answers: list[int | None]) -> None:
    """However the wave's paths turn out, the rule cannot stop before its last one."""
    paths = voted(*answers)
    done = 0
    while done < len(paths):
        wave = rule.wave(paths[:done])
        assert wave >= 1
        stops = [n for n in range(done + 1, min(done + wave, len(paths)) + 1) if rule.decide(paths[:n]) is not None]
        assert all(n == done + wave for n in stops)
        if stops:
            break
        done += wave


@pytest.mark.parametrize(
    ("share", "rule", "mean_samples", "right"),
    [
        (0.9, Adaptive(), 5.6, 1.0),
        (0.9, Window(size=5), 8.5, 1.0),
        (0.7, Adaptive(), 15.1, 0.986),
        (0.7, Window(size=5), 22.7, 0.986),
        (0.6, Adaptive(), 24.0, 0.873),
        (0.6, Window(size=5), 29.6, 0.849),
    ],
)
def test_simulated_cost_and_accuracy(share: float, rule: Stop, mean_samples: float, right: float) -> None:
    """One rival answer, cap 40, against known figures, within Monte Carlo error (4 standard errors of 1,500 runs)."""
    rng = random.Random(7)
    right_path, wrong_path = voted(1, 2)
    runs, drawn, hits = 1500, [], 0
    for _ in range(runs):
        paths: list[Path] = []
        decision = None
        while decision is None and len(paths) < 40:
            paths.append(right_path if rng.random() < share else wrong_path)
            decision = rule.decide(paths)
        drawn.append(len(paths))
        counts = sum(path is right_path for path in paths)
        by_vote = counts * 2 > len(paths) or (counts * 2 == len(paths) and rng.random() < 0.5)
        hits += decision.key == right_path.key if decision and decision.key else by_vote
    mean = sum(drawn) / runs
    spread = (sum((n - mean) ** 2 for n in drawn) / (runs - 1) / runs) ** 0.5
    assert abs(mean - mean_samples) <= 4 * spread + 0.05
    assert abs(hits / runs - right) <= 4 * (right * (1 - right) / runs) ** 0.5 + 0.002
