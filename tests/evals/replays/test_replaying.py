"""A replay gives what a live run gives, to the letter, and buys nothing."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solving import scripted

import evals
from evals.item import Item
from evals.record import Record
from evals.task import Task
from reasoning.completion import Completion, Failure, Logprobs
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.usage import Usage
from strategies.best_of_n import BestOfN
from strategies.confidence import Confidence
from strategies.direct import Direct
from strategies.judging import Judged
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive, Fixed, Stop, TokenLimit, Window
from strategies.voting import Vote
from strategies.weighting import Likelihood, TraceConfidence

SAMPLES = 12
WARM = Sampling(temperature=0.7)


def task(items: int) -> Task:
    """Questions whose right answers are 1 and 2 in turn; two items share a group."""
    made = [Item.of(f"q{i}", f"Question {i}?", str(1 + i % 2), group=f"g{i // 2}") for i in range(items)]
    return Task.of("asked", made)


def says(seed: int) -> Any:
    """A model that answers at random: a few answers, none at all, a cut text, a failure; judges too."""

    def reply(request: Request, index: int) -> Completion:
        rng = random.Random(f"{seed} {request.canonical} {index}")
        used = Usage(prompt_tokens=rng.randrange(5, 20), completion_tokens=rng.randrange(1, 40))
        rest: dict[str, Any] = {"index": index, "usage": used, "cost": used.total_tokens / 1e6}
        if request.sampling.logprobs is not None:
            values = tuple(-rng.random() for _ in range(3))
            rest["logprobs"] = Logprobs(tokens=("a", "b", "c"), values=values)
        draw = rng.random()
        if draw < 0.05:
            return Completion.failed(request, index, Failure(kind="timeout", message="slow", retryable=False))
        if draw < 0.1:
            return Completion(finish="length", text="The answer is", **rest)
        if draw < 0.2:
            return Completion(text="I cannot tell.", **rest)
        score = f"Score: {rng.choice((0, 3, 3, 9, 'none'))}"
        return Completion(text=f"{score}. The answer is {rng.choice((1, 1, 1, 2, 2, 3))}.", **rest)

    return reply


def told(records: Sequence[Record]) -> list[Mapping[str, Any]]:
    """All of the records but times, and what the log does not keep."""
    draws = {"__all__": {"latency_s", "logprobs"}}
    without = {"seconds": True, "paths": {"__all__": {"completions": draws, "asides": draws}}}
    return sorted(
        (
            {
                "result": record.result.model_dump(exclude=without),
                "score": record.score,
                "paths": record.path_scores,
                "repeat": record.repeat,
                "group": record.group,
            }
            for record in records
        ),
        key=lambda one: (one["result"]["problem"]["id"], one["repeat"]),
    )


STOPS: Sequence[Stop | None] = (
    None,
    Fixed(samples=5),
    Adaptive(),
    Adaptive(confidence=0.8),
    Window(size=3),
    TokenLimit(tokens=90),
    Window(size=4) | Adaptive(confidence=0.9),
    Adaptive(confidence=0.7) & Fixed(samples=4),
)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6), stop=st.sampled_from(STOPS), samples=st.integers(1, SAMPLES), at_once=st.integers(1, 9)
)
def test_any_rule_and_number_of_samples(seed: int, stop: Stop | None, samples: int, at_once: int) -> None:
    drawn = evals.evaluate(
        task(4), SelfConsistency(of=Direct(), samples=SAMPLES), scripted(says(seed)), out=None, repeats=2
    )
    strategy = SelfConsistency(of=Direct(), samples=samples, stop=stop)
    live = evals.evaluate(task(4), strategy, scripted(says(seed), concurrency=at_once), out=None, repeats=2)
    (replayed,) = evals.replay(drawn, [strategy])
    assert told(replayed.records) == told(live.records)
    assert (replayed.accuracy, replayed.interval, replayed.usage) == (live.accuracy, live.interval, live.usage)
    assert replayed.cost == pytest.approx(live.cost)  # a live run adds problems up as they arrive
    assert replayed.scores == {key: score or 0.0 for key, score in live.scores.items()}


VOTES: Sequence[Vote] = (
    Likelihood(),
    TraceConfidence(keep=0.5),
    Confidence(temperature=0.2),
    Confidence(method="verbal"),
    Judged(),
    Judged(pick="argmax"),
)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), vote=st.sampled_from(VOTES), stop=st.sampled_from(STOPS))
def test_any_vote_on_a_run_made_with_it(seed: int, vote: Vote, stop: Stop | None) -> None:
    drawn = evals.evaluate(
        task(3), SelfConsistency(of=Direct(), samples=SAMPLES, vote=vote), scripted(says(seed)), out=None
    )
    strategy = SelfConsistency(of=Direct(), samples=7, vote=vote, stop=stop)
    live = evals.evaluate(task(3), strategy, scripted(says(seed)), out=None)
    (replayed,) = evals.replay(drawn, [strategy])
    for one, other in zip(told(replayed.records), told(live.records), strict=True):
        if replayed.records[0].result.degradations or live.records[0].result.degradations:
            # Which path a note belongs to is not in the log, so a shorter prefix may carry a note of a later path.
            assert set(other["result"].pop("degradations")) <= set(one["result"].pop("degradations"))
        assert one == other


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_vote_is_taken_back_and_another_taken_on_the_same_paths(seed: int) -> None:
    judged = evals.evaluate(task(3), BestOfN(of=Direct(), samples=6), scripted(says(seed)), out=None)
    plain = SelfConsistency(of=Direct(), samples=6)
    live = evals.evaluate(task(3), plain, scripted(says(seed)), out=None)
    (replayed,) = evals.replay(judged, [plain])
    assert told(replayed.records) == told(live.records)
