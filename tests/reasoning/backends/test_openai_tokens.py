"""What each sample used: sums are the server's, and what cannot be right is estimated by the stated rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.backends.openai.answer import Answer, Sample, usage_of
from reasoning.backends.openai.tokens import shares, usages
from reasoning.completion import Logprobs
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.usage import NO_USAGE, Usage

REQUEST = Request(prompt="x" * 40, sampling=Sampling(max_tokens=50))


def answer(usage: Usage | None, *samples: Sample, trusted: bool = True) -> Answer:
    return Answer(samples, usage, trusted, None, None)


def sample(text: str, reasoning: str | None = None, finish: str = "stop") -> Sample:
    return Sample(text, finish, reasoning)  # type: ignore[arg-type]


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**4), min_size=1, max_size=40))
def test_shares_add_up_and_are_within_one_of_their_proportion(total: int, weights: list[int]) -> None:
    parts = shares(total, weights)
    assert sum(parts) == total
    even = weights if any(weights) else [1] * len(weights)
    for part, weight in zip(parts, even, strict=True):
        assert abs(part - total * weight / sum(even)) < 1


@given(
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=12),
    st.integers(0, 500),
    st.integers(0, 2000),
    st.integers(0, 1000),
)
def test_the_bill_is_the_servers_and_each_draw_has_the_whole_prompt(
    texts: list[tuple[str, str]], read: int, answered: int, thought: int
) -> None:
    whole = Usage(
        prompt_tokens=read,
        completion_tokens=len(texts) + answered + thought,
        reasoning_tokens=thought,
        cached_tokens=read // 2,
    )
    found = usages(answer(whole, *(sample(text, thoughts or None) for text, thoughts in texts)), REQUEST)
    billed = sum((bill or usage for usage, bill in found), NO_USAGE)
    assert billed.model_copy(update={"estimated": False}) == whole
    for usage, _ in found:
        assert (usage.prompt_tokens, usage.cached_tokens) == (read, 0)
        assert usage.reasoning_tokens <= usage.completion_tokens
        assert usage.estimated == (len(texts) > 1)


def test_one_sample_has_the_servers_usage() -> None:
    whole = Usage(prompt_tokens=9, completion_tokens=4, reasoning_tokens=3)
    assert usages(answer(whole, sample("ab")), REQUEST) == [(whole, None)]


def test_what_was_cached_is_on_the_bill_only() -> None:
    whole = Usage(prompt_tokens=9, completion_tokens=4, cached_tokens=8)
    assert usages(answer(whole, sample("ab")), REQUEST) == [(Usage(prompt_tokens=9, completion_tokens=4), whole)]


def test_no_usage_is_estimated_by_bytes() -> None:
    [(first, bill), (second, second_bill)] = usages(answer(None, sample("é" * 4), sample("abc", "d" * 6)), REQUEST)
    assert first == Usage(prompt_tokens=10, completion_tokens=2, estimated=True)
    assert bill is None
    assert second == Usage(prompt_tokens=10, completion_tokens=3, estimated=True)
    assert second_bill == Usage(prompt_tokens=0, completion_tokens=3, estimated=True)


def test_a_count_of_one_sample_only_is_not_taken_for_all() -> None:
    whole = Usage(prompt_tokens=9, completion_tokens=50)
    cut = [sample("abcd" * 10, finish="length"), sample("abcdefgh")]
    known = usages(answer(whole, *cut, trusted=False), REQUEST)
    assert [usage.completion_tokens for usage, _ in known] == [50, 2]
    too_few = usages(answer(whole, cut[0], cut[0]), REQUEST)
    assert [usage.completion_tokens for usage, _ in too_few] == [50, 50]
    assert all(usage.estimated for usage, _ in known + too_few)


def test_log_probabilities_count_where_the_server_does_not() -> None:
    logprobs = Logprobs(tokens=("a", "b", "c"), values=(-1.0, -1.0, -1.0))
    [(usage, _)] = usages(answer(None, Sample("abc", "stop", logprobs=logprobs)), REQUEST)
    assert usage.completion_tokens == 3


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": 3}, [], "x"])
def test_a_usage_that_is_none(usage: object) -> None:
    assert usage_of(usage) is None
