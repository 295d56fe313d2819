"""Reasoning text in an answer, whatever marks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.backends.vllm.thinking import Tagged
from reasoning.errors import ConfigError
from reasoning.thoughts import Tags, effort_left_out

TAGS = Tags()
PAIRS = (
    ("<think>", "</think>"),
    ("<THINK>", "</Think>"),
    ("<thinking>", "</thinking>"),
    ("<antThinking>", "</antThinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<reason>", "</reason>"),
    ("<thought>", "</thought>"),
    ('<thoughts depth="2">', "</thoughts>"),
    ("<seed:think>", "</seed:think>"),
    ("<ifm|think>", "</ifm|think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|thinking|>", "<|/thinking|>"),
    ("<|think|>", "</|think|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<｜begin▁of▁thought｜>", "<｜end▁of▁thought｜>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<think>", "</thinking>"),
)


def split(text: str, *, opened: bool = False) -> tuple[str | None, str]:
    found = TAGS.split(text, opened=opened)
    return found.reasoning, found.answer


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_thoughts_are_known_by_many_tags_opened_closed_or_both(opening: str, closing: str) -> None:
    assert split(f"{opening}\n2 + 3\n{closing}\n\nIt is 5.") == ("2 + 3", "It is 5.")
    assert split(f"2 + 3\n{closing}\nIt is 5.") == ("2 + 3", "It is 5.")
    assert split(f" {opening}2 + 3, cut") == ("2 + 3, cut", "")
    assert split(f"{opening}\n\n{closing}\n\n5") == (None, "5")
    assert split(f"2 + 3{closing}") == ("2 + 3", "")
    assert TAGS.opened_by(f"<|user|>Add.<|assistant|>{opening}\n")
    assert not TAGS.opened_by(f"{opening}\n\n{closing}\n\n")


@pytest.mark.parametrize(
    ("text", "opened", "reasoning", "answer"),
    [
        ("The answer is 5.", False, None, "The answer is 5."),
        ("", False, None, ""),
        ("never closed", True, "never closed", ""),
        ("2 + 3</think>5", True, "2 + 3", "5"),
        ("<think>2 + 3</think>5", True, "2 + 3", "5"),
        ("", True, None, ""),
        # in several blocks, before and behind the answer
        ("<think>a</think>\n<think>b</think>5", False, "a\n\nb", "5"),
        ("<think><think>a</think>5", False, "a", "5"),
        ("<think>a</think> and b</think>5", False, "a\n\nand b", "5"),
        ("Well.\n<think>a</think>\n5", False, "a", "Well.\n\n5"),
        ("It is 5. <thinking>I check.</thinking>", False, "I check.", "It is 5. "),
        ("<think>a</think>It is 5.</think>", False, "a", "It is 5."),
        ("<think>a</think>It is 5.</think></think>\n", False, "a", "It is 5.\n"),
        ("a</think></think>5", False, "a", "5"),
        ("<think>I write <think> and add.</think>5", False, "I write <think> and add.", "5"),
        ("<think>a</think><think>b, cut", False, "a\n\nb, cut", ""),
        # a mention is no thought
        ("It is 5. The tag <think> begins thoughts.", False, None, "It is 5. The tag <think> begins thoughts."),
        ("[Reasoning] 2 + 3 [Answer] 5", False, None, "[Reasoning] 2 + 3 [Answer] 5"),
        ("I think <b>5</b>.", False, None, "I think <b>5</b>."),
        # what marks the answer
        ("<reasoning>2 + 3\n<answer>5</answer>", False, "2 + 3", "<answer>5</answer>"),
        (
            "<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>\n5\n<|end_of_solution|>",
            False,
            "a",
            "5",
        ),
        ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>5<|END_RESPONSE|>", False, "a", "5"),
        ("<think>a</think><response>5</response>", False, "a", "5"),
        # channels
        (
            "<|channel|>analysis<|message|>We add.<|end|>"
            "<|start|>assistant<|channel|>final<|message|>It is 5.<|return|>",
            False,
            "We add.",
            "It is 5.",
        ),
        ("<|channel|>analysis We add.<|channel|>final It is 5.", False, "We add.", "It is 5."),
        ("<|channel|>analysis<|message|>We add, cut", False, "We add, cut", ""),
        ("<|channel|>final<|message|>It is 5.", False, None, "It is 5."),
        (
            "We add.<|end|><|start|>assistant<|channel|>final<|message|>It is 5.",
            False,
            "We add.",
            "It is 5.",
        ),
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary to=python "
            "<|constrain|>json<|message|>{}<|call|><|start|>assistant<|channel|>final<|message|>5",
            False,
            "a\n\n{}",
            "5",
        ),
        ("analysisWe add.assistantfinalIt is 5.", False, "We add.", "It is 5."),
        ("analysis2 + 3assistantcommentaryI look.assistantfinalIt is 5.", False, "2 + 3\n\nI look.", "It is 5."),
        ("analysisWe add, cut", False, "We add, cut", ""),
        # sentences
        ("Here is my thought process:\nWe add.\nHere is my response:\n5", False, "We add.", "5"),
        ("Here is my thought process: 2 + 3 = 5", False, None, "Here is my thought process: 2 + 3 = 5"),
        ("analysis of the sum gives 5", False, None, "analysis of the sum gives 5"),
    ],
)
def test_thoughts_are_split_off(text: str, opened: bool, reasoning: str | None, answer: str) -> None:
    assert split(text, opened=opened) == (reasoning, answer)


_PIECES = st.sampled_from(
    [*(tag for pair in PAIRS for tag in pair), "5", " ", "It is 5.", "<answer>", "<|channel|>", "final", "<|message|>"]
)


@given(st.lists(_PIECES, max_size=8).map("".join), st.booleans())
def test_the_spans_are_in_order_and_the_answer_is_what_they_leave(text: str, opened: bool) -> None:
    found = TAGS.split(text, opened=opened)
    places = [place for span in found.spans for place in span]
    assert places == sorted(places)
    assert all(0 <= place <= len(text) for place in places)
    assert found.reasoning is None or found.reasoning.strip() == found.reasoning != ""
    if not found.spans:
        assert found.answer == text


def test_a_person_names_further_tags() -> None:
    tags = Tags.of(("plan", "<<…>>", "{{ ... }}"))
    assert tags is not None
    for text in ("<plan>a</plan>5", "<PLAN>a</plan>5", "<<a>>5", "{{a}}5", "<think>a</think>5"):
        found = tags.split(text)
        assert (found.reasoning, found.answer) == ("a", "5")
    assert tags.opened_by("… <plan>")
    assert split("<plan>a</plan>5") == (None, "<plan>a</plan>5")
    assert Tags.of(False) is None
    assert Tags.of(True) is Tags.of(())


@pytest.mark.parametrize("tag", ["", "<plan>", "a b", "…", "<plan>…"])
def test_what_is_no_tag_is_an_error(tag: str) -> None:
    with pytest.raises(ConfigError, match="opening and a closing"):
        Tags.of((tag,))


def test_a_prefill_says_whether_thoughts_are_open() -> None:
    assert TAGS.opened_by("<|user|>", "<think>2 +")
    assert not TAGS.opened_by("<think>\n", "<think>2 + 3</think>It")
    assert TAGS.opened_by("<think>\n", "2 +")


def test_templates_and_tokens_that_hold_a_tag() -> None:
    assert TAGS.stand_in("{% if enable_thinking %}<think>{% endif %}")
    assert TAGS.stand_in("<|start|>assistant<|channel|>final<|message|>")
    assert not TAGS.stand_in("<|im_start|>assistant\n")


def test_thoughts_by_tags_have_their_share_of_the_tokens() -> None:
    assert Tagged(TAGS, opened=False).apart("<think>abc</think>defghi", range(12)) == ("defghi", "abc", 9)
    assert Tagged(TAGS, opened=True).apart("", ()) == ("", None, 0)


def test_an_effort_is_left_out_only_where_nothing_says_it() -> None:
    assert effort_left_out(None, {}) == ()
    assert (
        effort_left_out("low", {"enable_thinking": False}) == effort_left_out("low", {"reasoning_effort": "low"}) == ()
    )
    assert "left out" in effort_left_out("low", {"other": 1})[0]
