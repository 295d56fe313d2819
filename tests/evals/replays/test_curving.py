"""Curves: unbiased over subsets, exact in index order, and no figure from a pool that would bias it."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from solving import scripted

import evals
from evals.item import Item
from evals.replays.missing import MissingDrawsError
from evals.replays.rules import read_stop
from evals.run import Run
from evals.task import Task
from reasoning.backends.opening import open_backend
from reasoning.errors import ConfigError
from reasoning.sampling import Sampling
from strategies.best_of_n import BestOfN
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive
from strategies.weighting import Likelihood


def answers(chance: Callable[[str], float]) -> Any:
    """A model that is right with a chance of each question's own; every draw costs the same."""

    def reply(request: Any, index: int) -> str:
        question = request.messages[-1].content
        rng = random.Random(f"{question} {index}")
        return f"The answer is {1 if rng.random() < chance(question) else rng.choice((2, 2, 3))}."

    return reply


def varied(question: str) -> float:
    return random.Random(f"chance {question}").betavariate(3, 2)


def task(items: int, groups: int | None = None) -> Task:
    made = [
        Item.of(f"q{n}", f"Question {n}?", "1", group=None if groups is None else f"g{n % groups}")
        for n in range(items)
    ]
    return Task.of("asked", made)


@pytest.fixture(scope="module")
def run() -> Run:
    """40 problems, 10 draws each."""
    return evals.evaluate(task(40), SelfConsistency(of=Direct(), samples=10), scripted(answers(varied)), out=None)


def test_in_index_order_every_point_is_what_a_live_run_gives(run: Run) -> None:
    found = evals.curves(
        run, stops=["fixed", "adaptive=0.8", "window=3", "token-limit=20|window=4"], samples=(1, 2, 6, 10)
    )
    for point in found.points:
        strategy = SelfConsistency(of=Direct(), samples=point.samples, stop=read_stop(point.stop))
        live = evals.evaluate(task(40), strategy, scripted(answers(varied)), out=None)
        assert point.actual is not None
        assert (point.actual.accuracy, point.actual.interval) == (live.accuracy, live.interval)
        assert point.actual.tokens == pytest.approx(live.usage.total_tokens / 40)
        assert point.actual.draws == pytest.approx(sum(len(result.paths) for result in live.results) / 40)


def test_what_is_expected_is_not_the_first_draws(run: Run) -> None:
    points = evals.curves(run, stops=["fixed"]).points
    single = [score for record in run.records for score in record.path_scores]
    assert points[0].accuracy == pytest.approx(sum(single) / len(single))
    assert points[0].accuracy != points[0].actual.accuracy  # type: ignore[union-attr]
    assert [point.samples for point in points] == list(range(1, 11))
    assert all(point.error == 0 for point in points)
    assert points[-1].tokens == pytest.approx(run.usage.total_tokens / 40)


def test_repeats_and_groups_are_clustered() -> None:
    told = []
    for groups in (None, 5):
        run = evals.evaluate(
            task(40, groups), SelfConsistency(of=Direct(), samples=4), scripted(answers(varied)), out=None, repeats=2
        )
        (point,) = evals.curves(run, stops=["fixed"], samples=[4]).points
        assert point.actual is not None
        assert (point.actual.accuracy, point.actual.interval) == (run.accuracy, run.interval)
        told.append(point.interval)
    assert [ends.method for ends in told] == ["t", "clustered t"]


# What is refused, and what it would cost


def early(samples: int = 10) -> Run:
    strategy = SelfConsistency(of=Direct(), samples=samples, stop=Adaptive())
    return evals.evaluate(task(20), strategy, scripted(answers(varied)), out=None)


def test_a_pool_whose_size_depended_on_its_answers_is_refused_with_what_is_missing() -> None:
    run = early()
    drawn = sum(run.paths.values())
    with pytest.raises(MissingDrawsError, match=r"depended on what they answered.*first 4.*samples=10") as refused:
        evals.curves(run)
    assert refused.value.draws == 20 * 10 - drawn
    assert refused.value.tokens == pytest.approx(run.usage.total_tokens / drawn * refused.value.draws)
    assert refused.value.cost is None


def test_the_draws_that_it_has_by_design_are_a_pool() -> None:
    points = evals.curves(early(), stops=["fixed"], samples=range(1, 5)).points
    whole = evals.evaluate(task(20), SelfConsistency(of=Direct(), samples=4), scripted(answers(varied)), out=None)
    assert [p.accuracy for p in points] == [p.accuracy for p in evals.curves(whole, stops=["fixed"]).points]


def test_more_draws_than_there_are_are_refused_with_their_price(run: Run, tmp_path: Path) -> None:
    with pytest.raises(
        MissingDrawsError, match=r"has 10 draws a problem; for 12: 80 draws are missing, about .* tokens"
    ):
        evals.curves(run, samples=[12])
    greedy = Direct(sampling=Sampling(temperature=0.0))
    single = evals.evaluate(task(4), greedy, scripted(answers(varied)), out=None)
    assert len(evals.curves(single).points) == 3
    with pytest.raises(MissingDrawsError, match="1 draws a problem"):
        evals.curves(single, samples=[2])
    (tmp_path / "draws.sqlite").touch()
    with pytest.raises(ConfigError, match="greedy paths"):
        evals.curves(single, samples=[2], store=tmp_path / "draws.sqlite")


def test_a_store_fills_up_what_stopped_early(tmp_path: Path) -> None:
    weights = {"The answer is 1.": 3.0, "The answer is 2.": 2.0}
    store = tmp_path / "draws.sqlite"
    with open_backend("scripted/weighted", store=store, weights=weights) as backend:
        strategy = SelfConsistency(of=Direct(), samples=9)
        whole = evals.evaluate(task(12), strategy, backend, out=None)
        short = evals.evaluate(task(12), strategy.model_copy(update={"stop": Adaptive()}), backend, out=None)
    assert evals.curves(short, store=store).points == evals.curves(whole).points
    with pytest.raises(MissingDrawsError):
        evals.curves(short, samples=[10], store=store)


def test_judged_runs_give_their_own_vote_and_a_majority_without_the_judge() -> None:
    def reply(request: Any, index: int) -> str:
        text = request.messages[-1].content
        if "Solution:" in text:
            return f"Score: {random.Random(text).randrange(10)}"
        return answers(varied)(request, index)

    backend = scripted(reply)
    run = evals.evaluate(task(15), BestOfN(of=Direct(), samples=6), backend, out=None)
    found = evals.curves(run, stops=["fixed"], samples=[6])
    majority, judged = found.points
    assert (majority.vote, judged.vote) == ("majority", "{judged: {pick: argmax}}")
    assert judged.actual is not None
    assert majority.actual is not None
    assert judged.actual.accuracy == run.accuracy
    plain = evals.evaluate(task(15), SelfConsistency(of=Direct(), samples=6), backend, out=None)
    assert majority.actual.accuracy == plain.accuracy
    assert majority.tokens == pytest.approx(plain.usage.total_tokens / 15) != judged.tokens
    with pytest.raises(MissingDrawsError, match="other prompts, sampling or limits"):
        evals.curves(run, votes=[Likelihood()])


# The cheapest setting


def test_the_cheapest_setting_is_told_on_items_that_had_no_say(run: Run) -> None:
    found = evals.curves(run, within=0.03)
    told = found.cheapest
    assert told is not None
    assert (told.chosen_on, told.reported_on) == (20, 20)
    assert told.tokens <= told.best.tokens
    assert told.difference == pytest.approx(told.accuracy - told.best.accuracy)
    assert told.difference_interval[0] <= told.difference <= told.difference_interval[1]
    assert found.cheapest == evals.curves(run, within=0.03).cheapest
    assert evals.curves(run, holdout=None).cheapest is None


def test_numbers_out_of_range_are_refused(run: Run) -> None:
    wrong: Sequence[Mapping[str, Any]] = (
        {"samples": []},
        {"samples": [0]},
        {"orders": 1},
        {"holdout": 1.0},
        {"votes": []},
        {"stops": []},
    )
    for options in wrong:
        with pytest.raises(ConfigError):
            evals.curves(run, **options)
