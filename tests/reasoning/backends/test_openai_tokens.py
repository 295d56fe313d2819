"""What each sample used: sums are the server's, and what cannot be right is estimated by the stated rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.backends.openai.answer import Answer, Sample
from reasoning.backends.openai.fields import usage_of
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
    st.integers(1, 500),
    st.integers(0, 2000),
    st.integers(0, 1000),
)
def test_the_bill_is_the_servers_and_each_draw_has_the_whole_prompt(
    texts: list[tuple[str, str]], read: int, answered: int, thought: int
) -> None:
    whole = Usage(
        prompt_tokens=read,
        completion_tokens=20 * len(texts) + answered + thought,
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
    cut = [sample("abcd" * 10, finish="length"), sample("abcdefgh")]
    known = usages(answer(Usage(prompt_tokens=9, completion_tokens=20), *cut, trusted=False), REQUEST)
    assert [usage.completion_tokens for usage, _ in known] == [20, 4]  # by its length beside the first
    at_limit = usages(answer(Usage(prompt_tokens=9, completion_tokens=50), cut[0], cut[0]), REQUEST)
    assert [usage.completion_tokens for usage, _ in at_limit] == [50, 50]
    long = [sample("abcd" * 10)] * 8
    too_few = usages(answer(Usage(prompt_tokens=9, completion_tokens=10), *long), REQUEST)
    assert [usage.completion_tokens for usage, _ in too_few] == [10] * 8
    assert all(usage.estimated for usage, _ in known + at_limit + too_few)


def test_samples_that_the_server_cut_below_our_limit_have_the_servers_count() -> None:
    request = REQUEST.model_copy(update={"sampling": Sampling(max_tokens=16_384)})
    cut = [sample("Twelve tokens that the server cut off where it has its own limit", finish="length")] * 3
    found = usages(answer(Usage(prompt_tokens=9, completion_tokens=36), *cut), request)
    assert [usage.completion_tokens for usage, _ in found] == [12, 12, 12]


@pytest.mark.parametrize("stated", [Usage(), Usage(prompt_tokens=9, completion_tokens=1)])
def test_a_count_that_the_text_belies_is_estimated(stated: Usage) -> None:
    [(usage, _)] = usages(answer(stated, sample("abcd" * 10)), REQUEST)
    assert usage == Usage(prompt_tokens=stated.prompt_tokens or 10, completion_tokens=10, estimated=True)


def test_log_probabilities_count_where_the_server_does_not() -> None:
    logprobs = Logprobs(tokens=("a", "b", "c"), values=(-1.0, -1.0, -1.0))
    [(usage, _)] = usages(answer(None, Sample("abc", "stop", logprobs=logprobs)), REQUEST)
    assert usage.completion_tokens == 3


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": 3}, [], "x"])
def test_a_usage_that_is_none(usage: object) -> None:
    assert usage_of(usage)[0] is None


@pytest.mark.parametrize(
    ("usage", "written", "thought"),
    [
        ({"completion_tokens": 7, "total_tokens": 17}, 7, 0),
        ({"completion_tokens": "7", "total_tokens": 17.0}, 7, 0),
        # hidden thoughts in the total alone
        ({"completion_tokens": 151, "total_tokens": 543}, 533, 382),
        # stated outside of what was written, with a total that counts them, that does not, and without one
        ({"completion_tokens": 9, "total_tokens": 1019, "reasoning_tokens": 1000}, 1009, 1000),
        ({"completion_tokens": 9, "total_tokens": 19, "reasoning_tokens": 1000}, 1009, 1000),
        ({"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 94}}, 103, 94),
        ({"completion_tokens": 103, "completion_tokens_details": {"reasoning_tokens": 94}}, 103, 94),
        ({"completion_tokens": 103, "reasoning_tokens": 94, "total_tokens": 113}, 103, 94),
        # a total that is too small says nothing
        ({"completion_tokens": 9, "total_tokens": 9}, 9, 0),
        ({"completion_tokens": 9, "total_tokens": 0}, 9, 0),
        ({"completion_tokens": None, "total_tokens": 17}, 7, 0),
    ],
)
def test_what_was_written_is_the_larger_of_what_is_stated_and_what_follows(
    usage: dict[str, object], written: int, thought: int
) -> None:
    found, notes = usage_of({"prompt_tokens": 10, **usage})
    assert found == Usage(prompt_tokens=10, completion_tokens=written, reasoning_tokens=thought)
    assert notes == ()


@pytest.mark.parametrize(
    ("details", "cached"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 4}}, 4),
        ({"prompt_tokens_details": None, "cached_tokens": 4}, 4),
        ({"prompt_cache_hit_tokens": "4"}, 4),
        ({"prompt_tokens_details": {"cached_tokens": 400}}, 10),
    ],
)
def test_what_was_cached_stands_in_several_places(details: dict[str, object], cached: int) -> None:
    found, notes = usage_of({"prompt_tokens": 10, "completion_tokens": 7, **details})
    assert found == Usage(prompt_tokens=10, completion_tokens=7, cached_tokens=cached)
    assert notes == ()


@pytest.mark.parametrize(
    ("flaw", "named"),
    [
        ({"completion_tokens": -35, "total_tokens": 17}, "completion_tokens"),
        ({"completion_tokens": 10**30, "total_tokens": 17}, "completion_tokens"),
        ({"prompt_tokens_details": [{"cached_tokens": 4}]}, "prompt_tokens_details"),
        ({"completion_tokens_details": {"reasoning_tokens": "many"}}, "reasoning_tokens"),
        ({"total_tokens": True}, "total_tokens"),
    ],
)
def test_a_flawed_part_of_the_usage_is_named_and_the_rest_is_kept(flaw: dict[str, object], named: str) -> None:
    found, notes = usage_of({"prompt_tokens": 10, "completion_tokens": 7, **flaw})
    assert found == Usage(prompt_tokens=10, completion_tokens=7)
    assert [named in note for note in notes] == [True]


def test_samples_that_are_cut_where_the_counted_one_was_have_as_many_tokens() -> None:
    """llama.cpp counts one sample: the others' texts may be shorter, and are as many tokens all the same."""
    request = REQUEST.model_copy(update={"sampling": Sampling(max_tokens=12)})
    cut = [sample(text, finish="length") for text in ("a longer text of twelve tokens", "short words")]
    counted = Usage(prompt_tokens=4, completion_tokens=12)
    found = usages(answer(counted, *cut, sample("a longer"), trusted=False), request)
    assert [usage.completion_tokens for usage, _ in found] == [12, 12, 4]
