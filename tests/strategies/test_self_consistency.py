"""Waves, votes and stopping: the same result whatever order the answers arrive in."""

import asyncio
import gc
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solving import PROBLEM, scripted

from reasoning.completion import Completion, Failure
from reasoning.draws import row
from reasoning.errors import BadRequestError, ConfigError
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.events import DrawEvent, Event, ItemEvent, PathEvent, StopEvent, TallyEvent
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive, Stop, Window
from strategies.strategy import Strategy

SHUFFLED_RULES: Sequence[Stop | None] = (None, Adaptive(), Window(size=3), Window(size=4) | Adaptive(confidence=0.8))


class Jittery:
    """A scripted backend whose draws come back in a random order."""

    def __init__(self, answers: Sequence[int | None], seed: int) -> None:
        self.rng = random.Random(seed)
        self.inner = scripted(lambda request, index: f"The answer is {answers[index]}" if answers[index] else "None.")
        self.spec, self.identity, self.capabilities = self.inner.spec, self.inner.identity, self.inner.capabilities

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        for _ in range(self.rng.randrange(6)):
            await asyncio.sleep(0)
        return await self.inner.complete(request, indices)

    async def aclose(self) -> None:
        pass


@settings(max_examples=60, deadline=None)
@given(
    answers=st.lists(st.sampled_from([1, 2, 3, None]), min_size=12, max_size=12),
    rule=st.sampled_from(SHUFFLED_RULES),
    seed=st.integers(0, 10**6),
)
def test_arrival_order_changes_nothing(answers: list[int | None], rule: Stop | None, seed: int) -> None:
    strategy = SelfConsistency(of=Direct(), samples=12, stop=rule)
    one, two = (strategy.solve(PROBLEM, Jittery(answers, seed + n)) for n in (0, 1))
    still = strategy.solve(PROBLEM, scripted(lambda r, i: f"The answer is {answers[i]}" if answers[i] else "None."))

    def told(result: object) -> dict[str, object]:
        paths = {"paths": {"__all__": {"completions": {"__all__": {"latency_s"}}}}}
        return result.model_dump(exclude={"seconds": True, **paths})  # type: ignore[attr-defined]

    assert told(one) == told(two) == told(still)


def test_greedy_paths_are_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"greedy paths.*temperature"):
        Strategy.of_config({"self-consistency": {"of": {"direct": {"sampling": {"temperature": 0.0}}}}})
    with pytest.raises(ConfigError, match=r"greedy paths.*temperature"):
        Strategy.of_config(
            {"self-consistency": {"of": {"self-refine": {"of": {"direct": {"sampling": {"temperature": 0.0}}}}}}}
        )


def test_the_votes_temperature_stands_in_the_configuration() -> None:
    assert SelfConsistency(of=Direct()).config["self-consistency"]["of"]["direct"]["sampling"]["temperature"] == 0.7
    kept = SelfConsistency(of=Direct(sampling=Sampling(temperature=0.2)))
    assert kept.config["self-consistency"]["of"]["direct"]["sampling"]["temperature"] == 0.2


def test_a_vote_over_a_vote_is_refused() -> None:
    with pytest.raises(ConfigError, match="path strategy"):
        Strategy.of_config({"self-consistency": {"of": {"self-consistency": {"of": "direct"}}}})


def test_path_i_uses_draw_i_of_the_runs_seed() -> None:
    backend = scripted(lambda request, index: "The answer is 1")
    SelfConsistency(of=Direct(), samples=3).solve(PROBLEM, backend, seed=2)
    assert sorted(index for _, indices in backend.calls for index in indices) == [row(2, i) for i in range(3)]


def test_a_greedy_second_stage_has_draw_0_only() -> None:
    backend = scripted(lambda request, index: "so the answer is 4" if request.sampling.greedy else f"thought {index}")
    result = SelfConsistency(of=ChainOfThought(), samples=3).solve(PROBLEM, backend, seed=1)
    assert result.answer == 4
    greedy = [indices for request, indices in backend.calls if request.sampling.greedy]
    assert greedy == [(0,)] * 3


def test_one_failed_draw_fails_that_path_only() -> None:
    gone = Failure(kind="timeout", message="too slow", retryable=True)

    def script(request: Request, index: int) -> str | Completion:
        return Completion.failed(request, index, gone) if index == 1 else "The answer is 5"

    result = SelfConsistency(of=Direct(), samples=4).solve(PROBLEM, scripted(script))
    assert result.answer == 5
    assert [path.status for path in result.paths] == ["ok", "failed", "ok", "ok"]
    assert result.paths[1].reason == "timeout: too slow"
    assert result.tally.abstained == 1


def test_truncated_refused_and_filtered_paths_are_no_votes() -> None:
    ends = ["stop", "length", "refusal", "content_filter"]
    backend = scripted(
        lambda request, index: Completion(
            index=0, text="The answer is 9" if index else "The answer is 2", finish=ends[index]
        )
    )
    result = SelfConsistency(of=Direct(), samples=4).solve(PROBLEM, backend)
    assert result.answer == 2
    assert [path.status for path in result.paths] == ["ok", "truncated", "refused", "filtered"]


def test_what_stops_a_run_is_raised() -> None:
    def script(request: Request, index: int) -> str:
        if index == 2:
            raise BadRequestError("no such model")
        return "The answer is 1"

    with pytest.raises(BadRequestError, match="no such model"):
        SelfConsistency(of=Direct(), samples=4).solve(PROBLEM, scripted(script))


def test_adaptive_draws_no_more_than_it_needs() -> None:
    backend = scripted(lambda request, index: "The answer is 1")
    result = SelfConsistency(of=Direct(), samples=40, stop=Adaptive()).solve(PROBLEM, backend)
    assert len(result.paths) == 4
    assert sum(len(indices) for _, indices in backend.calls) == 4
    assert "4 to 0" in result.stopped


def test_at_the_deadline_pending_paths_abstain_and_it_is_said() -> None:
    class Slow(Jittery):
        async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
            await asyncio.sleep(30 if indices[0] >= 2 else 0)
            return await self.inner.complete(request, indices)

    result = SelfConsistency(of=Direct(), samples=4).solve(PROBLEM, Slow([6] * 4, 0), deadline=1)
    assert result.answer == 6
    assert [path.status for path in result.paths] == ["ok", "ok", "abandoned", "abandoned"]
    assert not result.order_safe
    assert 0.9 < result.seconds < 15
    single = Direct().solve(PROBLEM, Slow([6] * 4, 0), deadline=15)
    assert single.order_safe


def test_events_tell_of_every_draw_path_tally_stop_and_item() -> None:
    seen: list[Event] = []
    strategy = SelfConsistency(of=Direct(), samples=12, stop=Window(size=3))
    backend = scripted(lambda request, index: f"The answer is {[1, 2, 1, 5, 5, 5][index]}")
    result = strategy.solve(PROBLEM, backend, on_event=seen.append)
    counts = {kind: sum(isinstance(event, kind) for event in seen) for kind in (DrawEvent, PathEvent, TallyEvent)}
    assert counts == {DrawEvent: 6, PathEvent: 6, TallyEvent: 2}
    assert isinstance(seen[-2], StopEvent)
    assert seen[-1] == ItemEvent("p", result)


def test_usage_is_what_the_decided_paths_cost() -> None:
    backend = scripted(lambda request, index: "The answer is 1")
    result = SelfConsistency(of=Direct(), samples=5).solve(PROBLEM, backend)
    assert result.usage.completion_tokens == sum(path.usage.completion_tokens for path in result.paths) == 20
    assert result.cost is None


def test_several_paths_that_stop_a_run_at_once_raise_one_error_and_leave_no_complaint() -> None:
    def script(request: Request, index: int) -> str:
        raise BadRequestError(f"no {index}")

    complaints: list[object] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
        with pytest.raises(BadRequestError, match="no 0"):
            await SelfConsistency(of=Direct(), samples=4).asolve(PROBLEM, scripted(script))
        gc.collect()

    asyncio.run(run())
    assert complaints == []
