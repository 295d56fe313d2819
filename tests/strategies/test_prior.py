"""The fitted prior: never worse than the published rule at equal draws, and better where problems differ."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest

from reasoning.errors import ConfigError, DataError, UnknownNameError
from strategies.policy import told_by
from strategies.prior import ATOMS, Prior, Votes, fit, log_likelihoods
from strategies.stopping import Adaptive, Stop, ahead, least_leader

CAP = 40


def votes(shares: Sequence[float], rng: random.Random, draws: int = CAP) -> list[list[str]]:
    """For each problem `draws` votes, "right" for the likelier of its two answers."""
    return [["right" if rng.random() < share else "other" for _ in range(draws)] for share in shares]


def scattered(
    kinds: Sequence[tuple[float, float]], rng: random.Random, answers: int = 10**9, draws: int = CAP
) -> list[list[str]]:
    """The same, where a vote is for one of the two main answers with probability m only, else for one of `answers`."""
    return [
        [
            ("right" if rng.random() < share else "other") if rng.random() < main else f"{rng.randrange(answers)}"
            for _ in range(draws)
        ]
        for main, share in kinds
    ]


def stopped(problems: Sequence[Sequence[str]], rule: Adaptive) -> tuple[float, float]:
    """Mean draws, and the share of problems whose plurality at the stop is "right" (a tie counts its part)."""
    drawn, right = 0, 0.0
    for problem in problems:
        counts: Counter[str] = Counter()
        for vote in problem[: rule.horizon]:
            counts[vote] += 1
            first, second, *others = [*sorted(counts.values(), reverse=True), 0]
            if rule._lacking(Votes(first, second, sum(others))) == 0:
                break
        drawn += counts.total()
        tied = [key for key, count in counts.items() if count == max(counts.values())]
        right += ("right" in tied) / len(tied)
    return drawn / len(problems), right / len(problems)


def fitted(problems: Sequence[Sequence[str]]) -> Prior:
    return fit(map(Votes.of, problems))


def told(prior: Prior, *counts: int) -> float:
    return float(prior.ahead(np.array([counts]))[0][0])


def likely(*counts: int) -> Any:
    return np.exp(log_likelihoods(np.array([counts]))[1][0])


def test_votes_are_the_two_largest_classes_and_the_rest() -> None:
    assert Votes.of([]) == (0, 0, 0)
    assert Votes.of([None, "a", None]) == (1, 0, 0)
    assert Votes.of(["a", "b", "c", "b", None, "c", "b", "d"]) == (3, 2, 2)


def test_the_votes_that_can_come_next_are_as_likely_as_those_that_are_there() -> None:
    """On every atom: the likelihood of votes is the sum over the next vote, one case for each class of one vote."""
    for total in range(1, 10):
        for second in range(total // 2 + 1):
            for others in range(total - 2 * second + 1 if second else 1):
                first = total - second - others
                if second == 0:
                    following = likely(first + 1, 0, 0) + likely(first, 1, 0)
                elif second == 1 == first:
                    following = (others + 2) * likely(2, 1, others) + likely(1, 1, others + 1)
                elif second == 1:
                    following = likely(first + 1, 1, others) + likely(first, 1, others + 1)
                    following += (others + 1) * likely(first, 2, others)
                else:
                    following = likely(first + 1, second, others) + likely(first, second, others + 1)
                    following += likely(max(first, second + 1), min(first, second + 1), others)
                assert following == pytest.approx(likely(first, second, others), rel=1e-9, abs=1e-250)


def test_the_flat_prior_says_what_the_published_rule_says() -> None:
    for first in range(1, 20):
        for second in range(first + 1):
            assert told(Prior.flat(), first, second, 0) == pytest.approx(ahead(first, second), abs=1e-3)


def test_a_fit_finds_the_shares_that_are_there() -> None:
    rng = random.Random(3)
    prior = fitted(votes([0.6] * 400 + [0.95] * 400, rng))
    close = sum(weight for weight, (_, q) in zip(prior.weights, ATOMS, strict=True) if q < 0.78)
    assert close == pytest.approx(0.5, abs=0.04)
    assert sum(w * q for w, (_, q) in zip(prior.weights, ATOMS, strict=True)) == pytest.approx(0.775, abs=0.01)
    assert sum(w * m for w, (m, _) in zip(prior.weights, ATOMS, strict=True)) == pytest.approx(1, abs=0.01)


def test_a_fit_finds_how_scattered_problems_are() -> None:
    rng = random.Random(12)
    prior = fitted(scattered([(0.1, 0.7)] * 300 + [(0.95, 0.9)] * 300, rng))
    low = sum(weight for weight, (m, _) in zip(prior.weights, ATOMS, strict=True) if m < 0.5)
    assert low == pytest.approx(0.5, abs=0.03)
    assert told(prior, 2, 1, 0) > told(prior, 2, 1, 6) + 0.1


def test_a_tally_is_worth_more_where_problems_are_clear() -> None:
    rng = random.Random(4)
    clear, close = (fitted(votes([share] * 300, rng)) for share in (0.95, 0.55))
    assert told(clear, 3, 1, 0) > told(Prior.flat(), 3, 1, 0) > told(close, 3, 1, 0)


def test_the_expected_draws_and_accuracy_are_those_of_a_simulation() -> None:
    rng = random.Random(8)
    prior = fitted(votes(mixture(rng, 400), rng))
    policy = Adaptive(prior=prior).policy
    problems = scattered(rng.choices(ATOMS, prior.weights, k=6000), rng)
    draws, right = stopped(problems, Adaptive(prior=prior))
    assert draws == pytest.approx(policy.draws, abs=0.5)
    assert right == pytest.approx(policy.right, abs=0.012)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_on_problems_as_expected_it_is_at_least_as_good_and_spends_no_more(confidence: float) -> None:
    """Exact: by the forward pass, not by simulation."""
    rng = random.Random(9)
    for shares in (mixture(rng, 300), [0.9] * 300, [0.6] * 300):
        prior = fitted(votes(shares, rng))
        published = told_by(prior, CAP, lambda first, second: first >= least_leader(confidence, second))
        ours = Adaptive(confidence=confidence, prior=prior).policy
        assert ours.draws <= published.draws + 1e-9
        assert ours.right >= published.right - 2e-3  # a rule spends whole draws, so the last of a budget may be left


@pytest.mark.parametrize("share", [0.9, 0.7, 0.6])
def test_never_worse_at_equal_draws_on_one_share(share: float) -> None:
    rng = random.Random(11)
    prior = fitted(votes([share] * 400, rng))
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
    prior = fitted(votes(mixture(rng, 400), rng))
    problems = votes(mixture(rng, 12000), rng)
    plain = stopped(problems, Adaptive(confidence=confidence))
    ours = stopped(problems, Adaptive(confidence=confidence, prior=prior))
    assert ours[0] <= plain[0] * 1.01
    assert ours[1] >= plain[1] + 0.002


def test_where_some_problems_are_scattered_it_is_better_by_more_at_equal_draws() -> None:
    """No more draws than the published rule, which spends them on problems that no vote settles."""
    rng = random.Random(21)
    kinds = [(0.95, 0.9), (0.95, 0.7), (0.7, 0.8), (0.25, 0.7), (0.1, 0.6)]
    prior = fitted(scattered(kinds * 80, rng))
    problems = scattered(kinds * 600, rng)
    plain = stopped(problems, Adaptive(confidence=0.8))
    ours = stopped(problems, Adaptive(confidence=0.8, prior=prior))
    assert ours[0] <= plain[0] * 1.01
    assert ours[1] >= plain[1] + 0.01


def test_third_answers_that_recur_do_not_break_it() -> None:
    """The prior takes all third answers for different ones; here they are but six."""
    rng = random.Random(22)
    kinds = [(0.95, 0.9), (0.7, 0.8), (0.4, 0.7)]
    prior = fitted(scattered(kinds * 130, rng, answers=6))
    problems = scattered(kinds * 1000, rng, answers=6)
    plain = stopped(problems, Adaptive(confidence=0.9))
    ours = stopped(problems, Adaptive(confidence=0.9, prior=prior))
    assert ours[0] <= plain[0] * 1.03
    assert ours[1] >= plain[1] - 0.006


def test_votes_that_a_prior_rules_out_are_read_all_the_same() -> None:
    rule = Adaptive(prior=Prior.flat())
    assert rule._lacking(Votes(9, 1, 8)) == 0
    assert rule._lacking(Votes(2, 2, 9)) > 0


def test_a_prior_is_saved_named_by_its_path_and_part_of_the_configuration(tmp_path: File) -> None:
    prior = fit([Votes(30, 10, 0), Votes(40, 0, 0)], source="a pool")
    prior.save(tmp_path / "prior.json")
    rule = Stop.of_config({"adaptive": {"prior": str(tmp_path / "prior.json")}})
    assert rule == Adaptive(prior=prior)
    assert Stop.of_config(rule.config) == rule
    assert hash(rule) == hash(Adaptive(prior=prior))


def test_bad_priors_say_what_is_wrong(tmp_path: File) -> None:
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(DataError, match="is no prior"):
        Adaptive(prior=str(tmp_path / "bad.json"))  # type: ignore[arg-type]
    (tmp_path / "bad.json").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="is no prior"):
        Adaptive(prior=str(tmp_path / "bad.json"))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="cannot be read"):
        Adaptive(prior="nowhere.json")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="add up to 1"):
        Stop.of_config({"adaptive": {"prior": {"weights": [1.0] * len(ATOMS)}}})
    with pytest.raises(ConfigError, match="this pool has none"):
        fit([Votes(0, 0, 0)])
    with pytest.raises(UnknownNameError):
        Stop.of_config({"adaptive": {"priors": None}})
