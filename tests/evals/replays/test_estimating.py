"""Estimates: unbiased over subsets and orders, by enumeration, with errors and intervals that hold."""

import math
import random
from collections.abc import Sequence
from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import RULES, VOTES, WORTH, pool_of

from evals import stats
from evals.replays import counting, estimating, intervals, rules, winners
from evals.replays.pool import Draws, Pool
from evals.replays.rules import read_stop
from strategies.path import Path as DrawnPath
from strategies.stopping import Adaptive, Decision, Stop
from strategies.tally import Tally
from strategies.voting import Majority, Vote
from strategies.weighting import Likelihood, TraceConfidence

KEYS = st.lists(st.sampled_from(["1", "2", "3", "4", None]), min_size=1, max_size=7)


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


# Intervals


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
