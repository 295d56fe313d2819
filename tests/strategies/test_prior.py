"""The fitted prior: never worse than the published rule at equal draws, and better where problems differ."""

import random
from collections.abc import Sequence
from pathlib import Path as File

import pytest

from reasoning.errors import ConfigError, DataError, UnknownNameError
from strategies.policy import told_by
from strategies.prior import SHARES, Prior, fit
from strategies.stopping import Adaptive, Stop, ahead, least_leader

CAP = 40


def votes(shares: Sequence[float], rng: random.Random, draws: int = CAP) -> list[list[bool]]:
    """For each problem `draws` votes, True for the likelier of its two answers."""
    return [[rng.random() < share for _ in range(draws)] for share in shares]


def top_two(problem: Sequence[bool]) -> tuple[int, int]:
    return sum(problem), len(problem) - sum(problem)


def stopped(problems: Sequence[Sequence[bool]], rule: Adaptive) -> tuple[float, float]:
    """Mean draws, and the share of problems whose majority at the stop is the likelier answer (a tie counts half)."""
    drawn, right = 0, 0.0
    for problem in problems:
        first = second = 0
        for vote in problem:
            first, second = first + vote, second + (not vote)
            if rule._lacking(max(first, second), min(first, second)) == 0:
                break
        drawn += first + second
        right += 1 if first > second else 0.5 if first == second else 0
    return drawn / len(problems), right / len(problems)


def test_the_flat_prior_says_what_the_published_rule_says() -> None:
    for first in range(1, 20):
        for second in range(first + 1):
            assert Prior.flat().ahead(first, second) == pytest.approx(ahead(first, second), abs=2e-4)


def test_a_fit_finds_the_shares_that_are_there() -> None:
    rng = random.Random(3)
    prior = fit(map(top_two, votes([0.6] * 400 + [0.95] * 400, rng)))
    close = sum(weight for weight, q in zip(prior.weights, SHARES, strict=True) if q < 0.78)
    assert close == pytest.approx(0.5, abs=0.04)
    assert sum(w * q for w, q in zip(prior.weights, SHARES, strict=True)) == pytest.approx(0.775, abs=0.01)


def test_a_tally_is_worth_more_where_problems_are_clear() -> None:
    rng = random.Random(4)
    clear, close = (fit(map(top_two, votes([share] * 300, rng))) for share in (0.95, 0.55))
    assert clear.ahead(3, 1) > Prior.flat().ahead(3, 1) > close.ahead(3, 1)


def test_the_expected_draws_and_accuracy_are_those_of_a_simulation() -> None:
    rng = random.Random(8)
    prior = fit(map(top_two, votes(mixture(rng, 400), rng)))
    policy = Adaptive(prior=prior).policy
    shares = rng.choices(SHARES, prior.weights, k=8000)
    draws, right = stopped(votes(shares, rng), Adaptive(prior=prior))
    assert draws == pytest.approx(policy.draws, abs=0.5)
    assert right == pytest.approx(policy.right, abs=0.01)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_on_problems_as_expected_it_is_at_least_as_good_and_spends_no_more(confidence: float) -> None:
    """Exact: by the forward pass, not by simulation."""
    rng = random.Random(9)
    for shares in (mixture(rng, 300), [0.9] * 300, [0.6] * 300):
        prior = fit(map(top_two, votes(shares, rng)))
        published = told_by(prior, CAP, lambda first, second: first >= least_leader(confidence, second))
        ours = Adaptive(confidence=confidence, prior=prior).policy
        assert ours.draws <= published.draws + 1e-9
        assert ours.right >= published.right - 2e-3  # a rule spends whole draws, so the last of a budget may be left


@pytest.mark.parametrize("share", [0.9, 0.7, 0.6])
def test_never_worse_at_equal_draws_on_one_share(share: float) -> None:
    rng = random.Random(11)
    prior = fit(map(top_two, votes([share] * 400, rng)))
    runs = 4000
    problems = votes([share] * runs, rng)
    plain, ours = stopped(problems, Adaptive()), stopped(problems, Adaptive(prior=prior))
    error = (2 * max(plain[1] * (1 - plain[1]), 1 / runs) / runs) ** 0.5
    assert ours[0] <= plain[0] * 1.05
    assert ours[1] >= plain[1] - 3 * error


def mixture(rng: random.Random, count: int) -> list[float]:
    """Problems as they come: some clear, some close."""
    return [rng.choice((0.95, 0.9, 0.8, 0.7, 0.6, 0.55)) for _ in range(count)]


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_where_problems_differ_it_is_better_on_problems_it_was_not_fitted_to(confidence: float) -> None:
    rng = random.Random(5)
    prior = fit(map(top_two, votes(mixture(rng, 400), rng)))
    problems = votes(mixture(rng, 12000), rng)
    plain = stopped(problems, Adaptive(confidence=confidence))
    ours = stopped(problems, Adaptive(confidence=confidence, prior=prior))
    assert ours[0] <= plain[0] * 1.01
    assert ours[1] >= plain[1] + 0.002


def test_a_prior_is_saved_named_by_its_path_and_part_of_the_configuration(tmp_path: File) -> None:
    prior = fit([(30, 10), (40, 0)], source="a pool")
    prior.save(tmp_path / "prior.json")
    rule = Stop.of_config({"adaptive": {"prior": str(tmp_path / "prior.json")}})
    assert rule == Adaptive(prior=prior)
    assert Stop.of_config(rule.config) == rule
    assert hash(rule) == hash(Adaptive(prior=prior))


def test_bad_priors_say_what_is_wrong(tmp_path: File) -> None:
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(DataError, match="is no prior"):
        Adaptive(prior=str(tmp_path / "bad.json"))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="cannot be read"):
        Adaptive(prior="nowhere.json")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="add up to 1"):
        Stop.of_config({"adaptive": {"prior": {"weights": [1.0] * 64}}})
    with pytest.raises(ConfigError, match="this pool has none"):
        fit([(0, 0)])
    with pytest.raises(UnknownNameError):
        Stop.of_config({"adaptive": {"priors": None}})
