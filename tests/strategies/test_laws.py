"""Laws that hold for every vote over every strategy, whatever the model says."""

import asyncio
import random
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solving import PROBLEM, scripted, voted

from reasoning.backends.backend import Scores
from reasoning.completion import Completion, Logprobs
from reasoning.request import Request
from reasoning.usage import NO_USAGE, Usage
from strategies.path import Path, total_cost
from strategies.result import Result
from strategies.stopping import Stop, Window
from strategies.strategy import STRATEGIES, PathStrategy, Strategy
from strategies.voting import Majority, Vote

DEFAULTS = {name: Strategy.of_config(name) for name in STRATEGIES}
OVER = sorted(name for name, strategy in DEFAULTS.items() if isinstance(strategy, PathStrategy))
VOTING = {
    "self-consistency": {"of": "direct", "samples": 6},
    "self-consistency, adaptive": {"of": "direct", "samples": 6, "stop": {"adaptive": {"confidence": 0.8}}},
    "self-consistency, window": {"of": "direct", "samples": 6, "stop": {"window": {"size": 3}}},
    "ensemble": {"members": ["direct", {"direct": {"sampling": {"temperature": 0.9}}}], "samples": 6},
    "best-of-n": {"of": "direct", "samples": 6},
    "universal-self-consistency": {"of": "direct", "samples": 6},
}
STOPS = ("adaptive", {"window": {"size": 2}}, {"token-limit": {"tokens": 9}}, {"fixed": {"samples": 3}}, None)


class Crowded:
    """A model behind a door that lets so many through at once, in an order of its own; it also scores."""

    def __init__(self, answers: Sequence[int | None], places: int, seed: int) -> None:
        self.answers, self.places, self.rng = answers, places, random.Random(seed)
        self.inner = scripted(self.reply, scoring=True, style="text")
        self.spec, self.identity, self.capabilities = self.inner.spec, self.inner.identity, self.inner.capabilities
        self.door: asyncio.Semaphore | None = None

    def reply(self, request: Request, index: int) -> str | Completion:
        asked = request.prompt or request.messages[-1].content
        if "generated the following" in asked:
            return f"Response {1 + len(asked) % 3}"
        if "You grade" in asked:
            return f"Score: {len(asked) % 11}"
        answer = self.answers[index % len(self.answers)]
        text = "None." if answer is None else f"ans = {answer}" if "# Python" in asked else f"The answer is {answer}"
        values = (-0.1 - index / 10, -0.2)
        logprobs = Logprobs(tokens=("a", "b"), values=values) if request.sampling.logprobs is not None else None
        usage = Usage(prompt_tokens=len(asked), completion_tokens=3 + index)
        return Completion(index=0, text=text, logprobs=logprobs, usage=usage, cost=0.25 * (1 + index))

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        self.door = self.door or asyncio.Semaphore(self.places)
        async with self.door:
            for _ in range(self.rng.randrange(4)):
                await asyncio.sleep(0)
            return await self.inner.complete(request, indices)

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        return [Scores(values=(0.5, len(text) % 7 / 7)) for text in texts]

    async def aclose(self) -> None:
        pass


def told(result: Result) -> dict[str, object]:
    """All that a result says, but for how long it took."""
    draws = {"__all__": {"latency_s"}}
    paths = {"__all__": {"completions": draws, "asides": draws, "outcome": {"wall_s", "cpu_s", "max_rss_bytes"}}}
    return result.model_dump(exclude={"seconds": True, "paths": paths})


def abides(result: Result) -> None:
    """The laws of voting and of counting, on one result."""
    draws = [c for path in result.paths for c in (*path.completions, *path.asides)]
    assert result.usage == sum((c.usage for c in draws), NO_USAGE)
    assert result.cost == total_cost(c.cost for c in draws)
    assert [path.index for path in result.paths] == list(range(len(result.paths)))
    voters = [path for path in result.paths if path.key is not None]
    assert {path.key for path in voters} == {found.key for found in result.tally.classes}
    assert all(found.votes == sum(path.key == found.key for path in voters) for found in result.tally.classes)
    assert result.tally.abstained == len(result.paths) - len(voters)
    assert (result.answer is None) == (not voters)
    assert Result.model_validate_json(result.model_dump_json()) == result


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(VOTING)),
    answers=st.lists(st.sampled_from([1, 2, 3, None]), min_size=6, max_size=6),
    places=st.integers(1, 8),
    seed=st.integers(0, 10**6),
)
def test_neither_concurrency_nor_the_order_of_arrival_changes_a_result(
    name: str, answers: list[int | None], places: int, seed: int
) -> None:
    strategy = Strategy.of_config({name.split(",")[0]: VOTING[name]})
    one, two = (strategy.solve(PROBLEM, Crowded(answers, many, seed + many)) for many in (places, 64))
    assert told(one) == told(two)
    abides(one)


@pytest.mark.parametrize("vote", Vote.known())
@pytest.mark.parametrize("name", OVER)
def test_every_vote_is_taken_over_every_path_strategy(name: str, vote: str) -> None:
    for stop in STOPS:
        strategy = Strategy.of_config({"self-consistency": {"of": name, "samples": 3, "vote": vote, "stop": stop}})
        result = strategy.solve(PROBLEM, Crowded([5, 5, 5], 64, 0))
        assert result.answer == 5
        abides(result)


WAYS = ("{}", "{}.0", "${}.00", "{},000/1000", "\\boxed{{{}}}", " {} ")


@given(st.lists(st.tuples(st.sampled_from([3, 18, 72]), st.sampled_from(WAYS)), min_size=1, max_size=10))
def test_how_an_answer_is_written_moves_no_vote(written: list[tuple[int, str]]) -> None:
    texts = [f"The answer is {way.format(number)}" for number, way in written]
    paths = [Path.read(PROBLEM, at, (Completion(index=at, text=text),)) for at, text in enumerate(texts)]
    plain = Majority().tally(voted(*(number for number, _ in written)), "s")
    assert [(c.key, c.votes) for c in Majority().tally(paths, "s").classes] == [(c.key, c.votes) for c in plain.classes]


@given(st.lists(st.sampled_from([1, 2, None]), max_size=12), st.integers(0, 12))
def test_abstentions_move_no_vote(answers: list[int | None], more: int) -> None:
    one, two = (Majority().tally(voted(*given), "s") for given in (answers, [*answers, *[None] * more]))
    assert one.classes == two.classes
    assert two.abstained == one.abstained + more


@given(st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=12), st.text(max_size=5))
def test_a_tie_is_broken_among_the_first_alone_and_the_same_each_time(answers: list[int], salt: str) -> None:
    one, two = (Majority().tally(voted(*answers), salt) for _ in range(2))
    assert one == two
    most = max(answers.count(answer) for answer in answers)
    first = {str(answer) for answer in answers if answers.count(answer) == most}
    assert one.leader is not None
    assert one.leader.key in first
    assert set(one.tied) == (first if len(first) > 1 else set())


@pytest.mark.parametrize("shares", [(0.9, 0.1), (0.7, 0.3), (0.6, 0.4), (0.5, 0.3, 0.2), (0.25, 0.25, 0.25, 0.25)])
def test_window_draws_as_many_samples_as_the_paper_expects(shares: tuple[float, ...]) -> None:
    """ESC: E = w·[Σ_{i=0..m−2} q(1−q)^i (i+1) + m(1−q)^{m−1}], q = Σ p^w; within 4 standard errors of 1,500 runs."""
    size, cap, runs = 5, 40, 1500
    q, most = sum(share**size for share in shares), cap // size
    expected = size * (sum(q * (1 - q) ** i * (i + 1) for i in range(most - 1)) + most * (1 - q) ** (most - 1))
    rng, rule, paths = random.Random(3), Window(size=size), voted(*range(len(shares)))
    drawn = [_stopped(rule, lambda: rng.choices(paths, shares)[0], cap) for _ in range(runs)]
    mean = sum(drawn) / runs
    spread = (sum((n - mean) ** 2 for n in drawn) / (runs - 1) / runs) ** 0.5
    assert abs(mean - expected) <= 4 * spread


def _stopped(rule: Stop, draw: object, cap: int) -> int:
    paths: list[Path] = []
    while len(paths) < cap and (not paths or rule.decide(paths) is None):
        paths.append(draw())  # type: ignore[operator]
    return len(paths)


@pytest.mark.parametrize(("share", "right"), [(0.9, 1.0), (0.7, 0.996), (0.6, 0.895)])
def test_forty_samples_are_right_as_often_as_known(share: float, right: float) -> None:
    """One rival answer; a tie counts half, as the seeded rule breaks it; within 4 standard errors of 2,000 runs."""
    rng, runs = random.Random(2), 2000
    one, rival = voted(1, 2)
    hits = 0
    for run in range(runs):
        tally = Majority().tally(rng.choices([one, rival], [share, 1 - share], k=40), str(run))
        hits += tally.leader is not None and tally.leader.answer == Fraction(1)
    assert abs(hits / runs - right) <= 4 * (right * (1 - right) / runs) ** 0.5 + 0.002
