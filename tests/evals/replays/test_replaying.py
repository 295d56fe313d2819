"""A replay gives what a live run gives, to the letter, and buys nothing."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from solving import scripted

import evals
from evals.item import Item
from evals.record import Record
from evals.replays.missing import MissingDrawsError
from evals.replays.replaying import _Verifier
from evals.task import Task
from reasoning.answer import kind
from reasoning.backends.opening import open_backend
from reasoning.completion import Completion, Failure, Logprobs
from reasoning.errors import ConfigError, StoreError
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.usage import Usage
from strategies import program_of_thought
from strategies.best_of_n import BestOfN
from strategies.chain_of_thought import ChainOfThought
from strategies.confidence import Confidence
from strategies.direct import Direct
from strategies.ensemble import Ensemble
from strategies.judging import Judged
from strategies.program_of_thought import ProgramOfThought
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive, Fixed, Stop, TokenLimit, Window
from strategies.strategy import Strategy
from strategies.universal_self_consistency import UniversalSelfConsistency
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


@example(seed=1000, vote=Judged(), stop=None)
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


@pytest.mark.parametrize("stop", [None, Adaptive(confidence=0.8)])
def test_an_ensembles_paths_are_its_members_and_theirs_its(stop: Stop | None) -> None:
    members = (Direct(), ChainOfThought(shots="word-problems"))
    ensemble = Ensemble(members=members, samples=10, stop=stop)
    backend = scripted(says(5))
    drawn = evals.evaluate(task(4), Ensemble(members=members, samples=12), backend, out=None)
    alone = SelfConsistency(of=members[1], samples=6, stop=stop)
    for one, strategy in zip(evals.replay(drawn, [ensemble, alone]), (ensemble, alone), strict=True):
        assert told(one.records) == told(evals.evaluate(task(4), strategy, backend, out=None).records)


def test_programs_are_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = evals.evaluate(
        task(2),
        SelfConsistency(of=ProgramOfThought(shots="word-problems"), samples=4),
        scripted(lambda request, index: f" ans = {1 + index % 2}"),
        out=None,
    )

    def run_again(*given: Any, **more: Any) -> Any:
        raise AssertionError("a program was run again")

    monkeypatch.setattr(program_of_thought.Sandbox, "arun", run_again)
    (one,) = evals.replay(drawn, [{"self-consistency": {"samples": 3}}])
    for replayed, record in zip(one.records, drawn.records, strict=True):
        assert replayed.result.paths == record.result.paths[:3]


def test_the_model_picks_again_from_the_same_responses() -> None:
    def reply(request: Request, index: int) -> str:
        asked = request.messages[-1].content
        return "Response 2" if "Select the most consistent" in asked else f"The answer is {1 + index % 2}."

    strategy = UniversalSelfConsistency(of=Direct(), samples=4)
    drawn = evals.evaluate(task(3), strategy, scripted(reply), out=None)
    votes = SelfConsistency(of=Direct(), samples=4)
    again, voted = evals.replay(drawn, [strategy, votes])
    assert told(again.records) == told(drawn.records)
    assert told(voted.records) == told(evals.evaluate(task(3), votes, scripted(reply), out=None).records)


def test_what_a_strategy_does_not_state_is_the_runs() -> None:
    drawn = evals.evaluate(task(2), SelfConsistency(of=Direct(), samples=6), scripted(says(1)), out=None)
    by_name, by_field, other = evals.replay(
        drawn,
        [
            "self-consistency",
            {"self-consistency": {"samples": 2}},
            {"ensemble": {"members": ["direct", "chain-of-thought"], "samples": 1}},
        ],
    )
    assert told(by_name.records) == told(drawn.records)
    assert [len(record.result.paths) for record in by_field.records] == [2, 2]
    assert [record.result.paths[0].member for record in other.records] == [0, 0]


@pytest.mark.parametrize("wrong", [{}, {"direct": {}, "chain-of-thought": {}}, {"self-consistency": "x"}])
def test_what_is_no_strategy_is_refused(wrong: Mapping[str, Any]) -> None:
    drawn = evals.evaluate(task(2), SelfConsistency(of=Direct(), samples=2), scripted(says(1)), out=None)
    with pytest.raises(ConfigError, match="written as its name"):
        evals.replay(drawn, [wrong])


# What is not there


def test_other_prompts_are_refused_with_the_draws_that_are_missing_and_their_price() -> None:
    drawn = evals.evaluate(task(3), SelfConsistency(of=Direct(), samples=6), scripted(says(1)), out=None)
    with pytest.raises(
        MissingDrawsError, match=r"other prompts, sampling or limits.*15 draws are missing, about"
    ) as told:
        evals.replay(drawn, [SelfConsistency(of=Direct(system="Think."), samples=5)])
    paths = drawn.usage.total_tokens / 18
    assert told.value.draws == 15
    assert told.value.tokens == pytest.approx(15 * paths)
    assert drawn.cost is not None
    assert told.value.cost == pytest.approx(15 * drawn.cost / 18)
    for strategy in (Direct(), SelfConsistency(of=Direct(sampling=Sampling(temperature=1.0)), samples=2)):
        with pytest.raises(MissingDrawsError, match="other prompts, sampling or limits"):
            evals.replay(drawn, [strategy])


def test_more_draws_are_refused_and_a_store_gives_them(tmp_path: Path) -> None:
    weights = {"The answer is 1.": 2.0, "The answer is 2.": 1.0}
    store = tmp_path / "draws.sqlite"
    with open_backend("scripted/weighted", store=store, weights=weights) as backend:
        few = evals.evaluate(task(3), SelfConsistency(of=Direct(), samples=3, stop=Adaptive()), backend, out=None)
        whole = evals.evaluate(task(3), SelfConsistency(of=Direct(), samples=8), backend, out=None)
    more = SelfConsistency(of=Direct(), samples=8)
    with pytest.raises(MissingDrawsError, match=r"more draws than the run has \(first on 'q.'\): 15 draws are missing"):
        evals.replay(few, [more])
    (replayed,) = evals.replay(few, [more], store=store)
    assert told(replayed.records) == told(whole.records)
    with pytest.raises(StoreError, match="There is no store"):
        evals.replay(few, [more], store=tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()


def test_a_vote_on_token_probabilities_needs_the_store() -> None:
    strategy = SelfConsistency(of=Direct(sampling=Sampling(temperature=0.7, logprobs=0)), samples=5)
    drawn = evals.evaluate(task(2), strategy, scripted(says(3)), out=None)
    with pytest.raises(MissingDrawsError):
        evals.replay(drawn, [strategy.model_copy(update={"vote": Likelihood()})])


def test_answers_that_were_never_given_are_verified_by_their_task() -> None:
    number = kind("number")
    item = Item(problem=Problem(id="q", question="An even number?", kind=number), verify=lambda n: float(n % 2 == 0))
    verified = Task.of("even", [item])
    drawn = evals.evaluate(
        verified,
        SelfConsistency(of=Direct(), samples=3),
        scripted(lambda request, index: f"The answer is {index}"),
        out=None,
    )
    (one,) = evals.replay(drawn, [SelfConsistency(of=Direct(), samples=2)])
    assert one.records[0].path_scores == (1.0, 0.0)
    # Answers of which the record knows nothing: its task is asked, and cannot be, for it is none of a known name.
    verify = _Verifier(drawn.header).item(drawn.records[0]).verify
    assert verify is not None
    with pytest.raises(ConfigError, match="cannot be scored"):
        verify(number.parse("8"))


def test_a_replayed_run_is_a_run_of_its_own() -> None:
    drawn = evals.evaluate(task(4), SelfConsistency(of=Direct(), samples=6), scripted(says(2)), out=None)
    (one,) = evals.replay(drawn, [SelfConsistency(of=Direct(), samples=2, stop=Window(size=2))])
    assert one.run.header.strategy == one.strategy.config
    assert (one.run.paid, one.run.items, one.run.done) == (None, 4, 4)
    assert isinstance(one.strategy, Strategy)
    assert {"strategy", "accuracy", "interval", "usage", "cost"} <= set(one.to_json())


def test_the_members_of_a_chat_runs_ensemble_have_the_exemplars_that_each_of_them_had() -> None:
    """A chain of thought shows a chat model none of the task's exemplars, a program of thought does."""
    members = (ChainOfThought(), ProgramOfThought())
    chat = scripted(lambda request, index: "```python\nans = 3\n```\nThe answer is 3.", style="chat")
    sums = Task.of("sums", list(task(2)), shots="arithmetic")
    drawn = evals.evaluate(sums, Ensemble(members=members, samples=4), chat, out=None)
    [again] = evals.replay(drawn, [Ensemble(members=members, samples=2)])
    assert [len(result.paths) for result in again.run.results] == [2, 2]
