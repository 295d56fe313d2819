"""The verdict on where two backends part ways, for each cause and in its order."""

from typing import Any

import pytest

from evals.parity import NUMERICS_NATS, SHIFT_NATS, Seen, compare, overall
from evals.parting import END
from reasoning import Completion, Failure, Logprobs, Request, Sampling, Usage
from reasoning.backends.explaining import Explained
from reasoning.message import user

Token = tuple[str, float] | tuple[str, float, tuple[tuple[str, float], ...]]
SAMPLING = Sampling(temperature=0.0, max_tokens=8, logprobs=2)
CHAT = Request(messages=(user("Hi"),), sampling=SAMPLING)
TEXT = Request(prompt="Hi", sampling=SAMPLING)
TOLD = Explained(
    rendered="<user>Hi", token_ids=(1, 2), tokens=("<user>", "Hi"), settings={"temperature": 0.0, "max_tokens": 8}
)


def seen(name: str, *tokens: Token, request: Request = CHAT, told: Explained = TOLD, **fields: Any) -> Seen:
    """A backend whose greedy text has these tokens, each with its log-probability and alternatives."""
    top = tuple(token[2] if len(token) > 2 else ((token[0], token[1]),) for token in tokens)
    logprobs = Logprobs(tokens=tuple(t[0] for t in tokens), values=tuple(t[1] for t in tokens), top=top)
    given = {"text": "".join(logprobs.tokens), "logprobs": logprobs, "usage": Usage(prompt_tokens=2), **fields}
    return Seen(backend=name, explained=told, completion=Completion(index=0, request=request, **given))


def told(**changes: Any) -> Explained:
    return TOLD.model_copy(update=changes)


def fork(own: str, other: str, gap: float, value: float = -0.7) -> Token:
    """A token that is likelier than another by so many nats."""
    return own, value, ((own, value), (other, value - gap))


A = seen("a", ("One", -0.1), (" two", -0.2))


def test_equal_texts_are_the_same() -> None:
    found = compare(A, seen("b", ("One", -0.1), (" two", -0.21)))
    assert (found.verdict, found.parting) == ("same", None)
    assert found.shift == pytest.approx(0.005)


def test_another_rendering_is_the_template_whatever_the_texts_say() -> None:
    other = seen(
        "b", ("One", -0.1), (" two", -0.2), told=told(rendered="<system>Be good.<user>Hi", token_ids=(1, 9, 2))
    )
    found = compare(A, other)
    assert found.verdict == "template"
    assert "from character 1 on" in found.told
    assert "system>Be good." in found.told


def test_other_ids_of_one_text_are_the_tokenizer() -> None:
    other = seen("b", ("One", -0.1), told=told(token_ids=(0, 1, 2), tokens=("<s>", "<user>", "Hi")))
    found = compare(A, other)
    assert found.verdict == "tokenizer"
    assert "0 ('<s>') of 3" in found.told


def test_where_a_rendering_is_not_told_the_number_of_tokens_speaks() -> None:
    closed = told(rendered=None, token_ids=None, tokens=None)
    more = Usage(prompt_tokens=31)
    assert compare(A, seen("b", ("No", -0.1), told=closed, usage=more)).verdict == "template"
    plain = seen("a", ("One", -0.1), request=TEXT)
    found = compare(plain, seen("b", ("No", -0.1), request=TEXT, told=told(token_ids=None), usage=more))
    assert found.verdict == "tokenizer"
    assert "2 tokens for a and 31 for b" in found.told
    unsure = Usage(prompt_tokens=31, estimated=True)
    assert compare(plain, seen("b", ("One", -0.1), request=TEXT, told=closed, usage=unsure)).verdict == "same"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"settings": {"temperature": 0.0, "max_tokens": 8, "repetition_penalty": 1.1}},
            "between a and b: repetition_penalty is unset and 1.1.",
        ),
        ({"stop": ("\n",)}, "between a and b: stop is [] and ['\\n']."),
    ],
    ids=["a penalty of the model's own config", "a stop string"],
)
def test_other_settings_in_force_are_named(changes: dict[str, Any], words: str) -> None:
    found = compare(A, seen("b", ("One", -0.1), (" three", -0.2), told=told(**changes)))
    assert found.verdict == "settings"
    assert words in found.told


def test_a_near_tie_is_numerics_and_the_gaps_are_told() -> None:
    found = compare(
        seen("a", ("One", -0.1), fork(" two", " 2", 0.02)), seen("b", ("One", -0.102), fork(" 2", " two", 0.03))
    )
    assert found.verdict == "numerics"
    assert found.parting is not None
    assert (found.parting.place, found.parting.tokens, found.parting.before) == (1, (" two", " 2"), "One")
    assert found.parting.gaps == (pytest.approx(0.02), pytest.approx(0.03))
    assert found.parting.bounds == (False, False)
    assert "0.020 and 0.030 nats" in found.told


def test_a_wide_gap_is_weights() -> None:
    wide = fork(" 2", " two", NUMERICS_NATS + 0.1)
    found = compare(seen("a", ("One", -0.1), fork(" two", " 2", 0.02)), seen("b", ("One", -0.1), wide))
    assert found.verdict == "weights"


def test_drift_on_the_way_there_is_weights_though_the_tie_is_near() -> None:
    drifted = seen("b", ("One", -0.1 - 2 * SHIFT_NATS), fork(" 2", " two", 0.01))
    assert compare(seen("a", ("One", -0.1), fork(" two", " 2", 0.01)), drifted).verdict == "weights"


def test_a_token_that_is_not_among_the_alternatives_gives_a_lower_bound() -> None:
    far = (" 2", -0.1, ((" 2", -0.1), (" II", -4.1)))
    found = compare(seen("a", ("One", -0.1), fork(" two", " 2", 0.02)), seen("b", ("One", -0.1), far))
    assert found.parting is not None
    assert found.parting.bounds == (False, True)
    assert found.parting.gaps[1] == pytest.approx(4.0)
    assert found.verdict == "weights"
    assert "at least 4.000" in found.told


def test_a_text_that_ends_where_the_other_goes_on_parts_at_its_end() -> None:
    goes_on = (" two", -0.5, ((" two", -0.5), ("<|im_end|>", -0.6)))
    found = compare(seen("a", ("One", -0.1)), seen("b", ("One", -0.1), goes_on))
    assert found.parting is not None
    assert found.parting.tokens == (END, " two")
    assert found.parting.gaps == (None, pytest.approx(0.1))
    assert found.verdict == "numerics"


def test_tokens_that_are_told_in_other_pieces_are_laid_over_each_other_by_their_text() -> None:
    whole = seen("a", ("One", -0.1), (" café", -0.3), fork(" x", " y", 0.01))
    pieces = seen("b", ("One", -0.1), (" caf", -0.1), ("é", -0.2), fork(" y", " x", 0.01))
    found = compare(whole, pieces)
    assert found.parting is not None
    assert (found.parting.place, found.parting.tokens) == (2, (" x", " y"))
    assert found.parting.gaps == (pytest.approx(0.01), pytest.approx(0.01))


def test_without_log_probabilities_other_texts_are_unknown() -> None:
    found = compare(A, seen("b", logprobs=None, text="One three"))
    assert found.verdict == "unknown"
    assert found.parting is not None
    assert found.parting.gaps == (None, None)


def test_a_failed_draw_is_no_text() -> None:
    failure = Failure(kind="context_overflow", message="the prompt is too long", retryable=False)
    found = compare(A, seen("b", text="", logprobs=None, finish="failed", failure=failure))
    assert found.verdict == "failed"
    assert found.told == "b gave no answer: the prompt is too long."


def test_the_earliest_cause_is_the_verdict_over_several_prompts() -> None:
    assert overall(["same", "numerics", "same"]) == "numerics"
    assert overall(["weights", "settings", "numerics", "template"]) == "template"
    assert overall([]) == "same"
