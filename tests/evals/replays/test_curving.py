"""Curves: unbiased over subsets, exact in index order, and no figure from a pool that would bias it."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solving import scripted

import evals
from evals import stats
from evals.item import Item
from evals.replays import counting, estimating, intervals, rules, winners
from evals.replays.curving import read_vote, vote_name
from evals.replays.missing import MissingDrawsError
from evals.replays.pool import Draws, Pool
from evals.replays.rules import read_stop, stop_name
from evals.run import Run
from evals.task import Task
from reasoning.backends.opening import open_backend
from reasoning.errors import ConfigError, UnknownNameError
from reasoning.sampling import Sampling
from strategies.best_of_n import BestOfN
from strategies.confidence import Confidence
from strategies.direct import Direct
from strategies.judging import Judged
from strategies.path import Path as DrawnPath
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive, Decision, Fixed, Stop, TokenLimit, Window
from strategies.tally import Tally
from strategies.voting import Majority, Vote
from strategies.weighting import Likelihood, TraceConfidence

KEYS = st.lists(st.sampled_from(["1", "2", "3", "4", None]), min_size=1, max_size=7)
RULES: Sequence[Stop] = (
    Fixed(samples=3),
    Adaptive(confidence=0.8),
    Adaptive(),
    Window(size=2),
    Window(size=3) | Adaptive(confidence=0.9),
    Adaptive(confidence=0.7) | Window(size=2),
    Window(size=2) & Fixed(samples=4),
    TokenLimit(tokens=25),
)
VOTES: Sequence[Vote] = (
    Majority(),
    Likelihood(),
    TraceConfidence(keep=0.5),
    Confidence(temperature=0.3),
    Judged(),
    Judged(pick="argmax"),
)
WORTH = {"1": 1.0, "2": 0.0, "3": 0.25, "4": 0.0}


def pool_of(*rows: Sequence[str | None], seed: int = 0) -> Pool:
    """A pool with these keys; every draw has its own tokens, cost and signals."""
    rng = random.Random(seed)
    made = []
    for at, keys in enumerate(rows):
        names = ("likelihood", "trace_confidence", "confidence", "judge")
        signals = [{name: rng.choice((0.0, 0.2, 0.5, 0.5, 1.0)) for name in names} for _ in keys]
        written = [rng.randrange(1, 20) for _ in keys]
        worth = {key: WORTH[key] for key in keys if key is not None}
        tokens = [count + 7 for count in written]
        made.append(Draws(f"q{at}", 0, None, keys, worth, written, tokens, [c / 1e6 for c in tokens], signals))
    return Pool(made, items=len(rows), repeats=1, seed=0, draws=len(rows[0]))


def paths(row: Draws, order: Sequence[int]) -> list[DrawnPath]:
    """The paths of a row in an order, as a strategy sees them."""
    return [
        rules._path(at, -1 if row.keys[n] is None else int(row.keys[n] or 0), row.written[n]).model_copy(
            update={"signals": row.signals[n] if row.keys[n] else {}}
        )
        for at, n in enumerate(order)
    ]


def stopped(drawn: list[DrawnPath], vote: Vote, stop: Stop | None, samples: int) -> tuple[int, Tally, str | None]:
    """The loop of every vote, word for word: draws decided on, their tally, and the class that the rule settled on."""
    for count in range(1, samples + 1):
        decision = stop.decide(drawn[:count]) if stop is not None else None
        if decision is not None or count == samples:
            return count, vote.tally(drawn[:count], "salt"), decision.key if decision else None
    raise AssertionError


def worth_of(tally: Tally, key: str | None) -> float:
    """What a vote's answer is worth, a tie broken at random."""
    if key is not None:
        return WORTH[key]
    if tally.leader is None:
        return 0.0
    tied = tally.tied or (tally.leader.key,)
    return sum(WORTH[one] for one in tied) / len(tied)


# Counting


@settings(deadline=None)
@given(keys=KEYS)
def test_the_count_is_the_mean_over_all_subsets(keys: list[str | None]) -> None:
    pool = pool_of(keys)
    told = estimating.expected(pool, [(Majority(), None)], 2, 0)[0]
    for size in range(1, len(keys) + 1):
        over = [
            worth_of(Majority().tally(paths(pool.rows[0], subset), "salt"), None)
            for subset in combinations(range(len(keys)), size)
        ]
        assert told.score[0, size - 1] == pytest.approx(math.fsum(over) / len(over))
        assert told.tokens[0, size - 1] == pytest.approx(size * sum(pool.rows[0].tokens) / len(keys))
    assert (told.variance == 0).all()


def test_the_count_stays_exact_with_many_classes_and_draws() -> None:
    # 20 classes of two draws each: by symmetry each wins as often as any other.
    told = counting.plurality_curve([2] * 20, [1.0] + [0.0] * 19, 40)
    assert told == pytest.approx([0.05] * 40, rel=1e-12)
    # All the worth there is: someone always wins.
    assert counting.plurality_curve([200, 190, 1, 1], [1.0] * 4, 400)[20:] == pytest.approx([1.0] * 380, rel=1e-9)


# Random orders


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.sampled_from(["1", "2", "3", None]), min_size=5, max_size=5),
    vote=st.sampled_from(VOTES),
    stop=st.sampled_from([None, *RULES]),
    seed=st.integers(0, 999),
)
def test_over_all_orders_the_estimate_is_the_mean_of_what_the_strategy_itself_gives(
    keys: list[str | None], vote: Vote, stop: Stop | None, seed: int
) -> None:
    """Every order of five draws once, in place of random ones: the estimator's expectation, exactly."""
    import numpy as np

    pool = pool_of(keys, seed=seed)
    row = pool.rows[0]
    every = list(permutations(range(5)))
    ordered = estimating._Ordered(pool, np.zeros(len(every), int), np.array(every), each=len(every))
    told = ordered.estimate(vote, stop)
    for samples in range(1, 6):
        over = []
        for order in every:
            count, tally, key = stopped(paths(row, order), vote, stop, samples)
            chosen = [row.tokens[n] for n in order[:count]]
            over.append((worth_of(tally, key), count, sum(chosen), sum(row.costs[n] or 0 for n in order[:count])))
        score, draws, tokens, cost = (math.fsum(column) / len(every) for column in zip(*over, strict=True))
        at = samples - 1
        assert told.score[0, at] == pytest.approx(score, abs=1e-6)
        assert (told.draws[0, at], told.tokens[0, at]) == pytest.approx((draws, tokens), rel=1e-5)
        assert told.costs[0, at] == pytest.approx(cost, rel=1e-5)


@pytest.mark.parametrize("vote", [Majority(), Likelihood()])
def test_random_orders_come_within_their_stated_error_of_the_truth(vote: Vote) -> None:
    """The truth is the mean over all orders of six draws."""
    import numpy as np

    rng, rule = random.Random(4), Adaptive(confidence=0.8)
    pool = pool_of(*([rng.choices(["1", "2", "3", None], [5, 3, 2, 1])[0] for _ in range(6)] for _ in range(30)))
    every = np.array(list(permutations(range(6))))
    rows = np.repeat(np.arange(30), len(every))
    truth = estimating._Ordered(pool, rows, np.tile(every, (30, 1)), each=len(every)).estimate(vote, rule)
    beyond = 0
    for seed in range(40):
        (told,) = estimating.expected(pool, [(vote, rule)], 30, seed)
        apart = abs(told.score.mean(axis=0) - truth.score.mean(axis=0))
        error = told.variance.sum(axis=0) ** 0.5 / 30
        beyond += int((apart > 1.96 * error + 1e-6)[3:].sum())
        assert told.tokens.mean(axis=0) == pytest.approx(truth.tokens.mean(axis=0), rel=0.05)
        if vote == Majority():  # no order stops before its third draw, so that nothing is left to chance
            assert (error[:2] == 0).all()
            assert told.score[:, :2] == pytest.approx(truth.score[:, :2])
    assert beyond <= 16  # 6 of 120 are expected; the columns of one seed are correlated


@settings(max_examples=40, deadline=None)
@given(keys=st.lists(st.sampled_from(["1", "2", "3", None]), min_size=12, max_size=12), stop=st.sampled_from(RULES))
def test_a_rule_of_somebody_elses_is_asked_and_says_the_same(keys: list[str | None], stop: Stop) -> None:
    class Theirs(Stop):
        def decide(self, paths: Sequence[DrawnPath]) -> Decision | None:
            return stop.decide(paths)

        def wave(self, paths: Sequence[DrawnPath]) -> int:
            return stop.wave(paths)

    pool = pool_of(keys)
    one, other = estimating.actual(pool, [(Majority(), stop), (Majority(), Theirs())])
    assert (one.score == other.score).all()
    assert (one.draws == other.draws).all()
    assert not rules.is_known(Theirs())


@pytest.mark.parametrize("vote", VOTES)
def test_a_vote_that_weighs_draws_by_themselves_says_what_it_would_when_asked(vote: Vote) -> None:
    rng = random.Random(2)
    pool = pool_of(*([rng.choice(["1", "2", "3", None]) for _ in range(10)] for _ in range(20)))
    weighs = winners.weighing(vote, pool)
    assert (weighs is None) == (vote == TraceConfidence(keep=0.5))
    if weighs is not None:
        told = estimating._Ordered(pool, *_identity(pool))._score(vote)
        signals = [[*row.signals] for row in pool.rows]
        asked = winners.asked_worth(vote, pool.classes.T, signals, pool.worth, None)
        assert told == pytest.approx(asked)


def _identity(pool: Pool) -> tuple[Any, Any]:
    import numpy as np

    rows = np.arange(len(pool.rows))
    return rows, np.broadcast_to(np.arange(pool.draws), (len(rows), pool.draws))


def test_the_draws_of_an_ensembles_members_keep_to_their_places() -> None:
    """Member 0 always says 1, member 1 always 2: at odd numbers of samples member 0 wins, at even ones they tie."""
    pool = pool_of(["1", "2"] * 4)
    assert estimating.expected(pool, [(Majority(), None)], 50, 0)[0].score[0, 2] == pytest.approx(0.5)
    pool.members = 2
    (told,) = estimating.expected(pool, [(Majority(), None)], 50, 0)
    assert told.score[0].tolist() == [1.0, 0.5] * 4
    row = pool.rows[0]
    assert told.tokens[0, 7] == pytest.approx(sum(row.tokens))
    assert told.tokens[0, 0] == pytest.approx(sum(row.tokens[::2]) / 4, rel=0.2)


# On runs


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


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_intervals_of_many_columns_are_those_of_each(data: st.DataObject) -> None:
    import numpy as np

    n = data.draw(st.integers(1, 12))
    score = st.sampled_from([0.0, 1.0]) if data.draw(st.booleans()) else st.floats(0, 1)
    columns = [data.draw(st.lists(score, min_size=n, max_size=n)) for _ in range(3)]
    groups = data.draw(st.one_of(st.none(), st.lists(st.sampled_from([None, "a", "b"]), min_size=n, max_size=n)))
    for told, column in zip(intervals.intervals(np.array(columns).T, groups), columns, strict=True):
        own = stats.interval(column, groups)
        assert told[:2] == pytest.approx(own[:2], abs=1e-9)


@pytest.mark.parametrize("stop", ["fixed", "adaptive=0.8"])
def test_intervals_cover_the_truth_as_often_as_they_say(stop: str) -> None:
    """Pools of 120 fresh problems and 6 draws each, 400 times: 95 % give or take four standard errors."""
    chance, hits, runs = random.Random(8), 0, 400
    rule = read_stop(stop)

    def one(items: int) -> Pool:
        shares = [chance.betavariate(2, 1) for _ in range(items)]
        return pool_of(*(["1" if chance.random() < p else chance.choice("24") for _ in range(6)] for p in shares))

    def mean(pool: Pool) -> float:
        return float(pool.mean(estimating.expected(pool, [(Majority(), rule)], 20, 0)[0].score[:, 2:3])[0])

    truth = sum(mean(one(2000)) for _ in range(10)) / 10
    for _ in range(runs):
        pool = one(120)
        (ends,) = pool.intervals(estimating.expected(pool, [(Majority(), rule)], 20, 0)[0].score[:, 2:3])
        hits += ends.low <= truth <= ends.high
    assert abs(hits / runs - 0.95) <= 4 * math.sqrt(0.95 * 0.05 / runs)


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


def test_no_group_is_on_both_sides() -> None:
    from evals.replays.holdout import halves

    rows = [Draws(f"q{n}", 0, f"g{n // 3}", ["1"], {"1": 1.0}, [1], [1], [None], [{}]) for n in range(30)]
    parts = halves(Pool(rows, items=30, repeats=1, seed=0, draws=1), 0.3, 0)
    assert parts is not None
    assert [len(part) for part in parts] == [21, 9]
    groups = [{int(id[1:]) // 3 for id in part} for part in parts]
    assert not groups[0] & groups[1]


def test_choosing_and_telling_on_the_same_items_would_flatter() -> None:
    """Ten settings of equal worth, 300 times: the chosen one's held-out accuracy is the truth, not the best of ten."""
    import numpy as np

    from evals.replays.estimating import Estimate
    from evals.replays.holdout import Curve, cheapest

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


# Names


@pytest.mark.parametrize("stop", [None, *RULES])
def test_a_rules_name_gives_the_rule_again(stop: Stop | None) -> None:
    assert read_stop(stop_name(stop)) == stop


@pytest.mark.parametrize("vote", VOTES)
def test_a_votes_name_gives_the_vote_again(vote: Vote) -> None:
    assert read_vote(vote_name(vote)) == vote


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("adaptiv=0.9", ConfigError, "adaptiv has no one number"),
        ("windows", UnknownNameError, "Did you mean 'window'"),
        ("adaptive=2", ConfigError, "confidence"),
        ("fixed|window=5", ConfigError, "fixed=N"),
        ("either=3", ConfigError, "no one number"),
        ("{window: [}", ConfigError, "no YAML"),
    ],
)
def test_a_rule_that_is_none_is_refused(given: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read_stop(given)


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
