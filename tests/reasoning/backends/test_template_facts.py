"""What chat templates say of thinking, in the ways that models' templates have."""

from typing import Any

import pytest

from reasoning.backends.template_facts import thinks_by_template
from reasoning.backends.thought_prefill import behind, goes_on_in_thoughts
from reasoning.message import assistant, user

TURNS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
BEGIN = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
CLOSED = "<think>\n\n</think>\n\n"
HYBRID = f"{TURNS}{BEGIN}{{% if enable_thinking is defined and not enable_thinking %}}{CLOSED}{{% endif %}}"
OFF_BY_DEFAULT = f"{TURNS}{BEGIN}{{% if thinking %}}<think>{{% else %}}</think>{{% endif %}}"
LEAVES_THOUGHTS_OUT = TURNS.replace("m.content", "m.content.split('</think>')[-1]") + BEGIN
REFUSES = "{{ raise_exception('no') }}<think>"


@pytest.mark.parametrize(
    ("template", "arguments", "thinks"),
    [
        (None, {}, False),
        (TURNS + BEGIN, {}, False),
        (HYBRID, {}, True),
        (HYBRID, {"enable_thinking": False}, False),
        (HYBRID, {"enable_thinking": True}, True),
        (OFF_BY_DEFAULT, {}, False),
        (OFF_BY_DEFAULT, {"thinking": True}, True),
        (LEAVES_THOUGHTS_OUT, {}, True),
        (f"{TURNS}{BEGIN}<think>\n", {}, True),
        (f"{TURNS}[THINK]{BEGIN}", {}, True),
        (REFUSES, {}, True),
    ],
)
def test_a_template_says_whether_its_model_thinks(
    template: str | None, arguments: dict[str, Any], thinks: bool
) -> None:
    assert thinks_by_template(template, arguments) is thinks


@pytest.mark.parametrize("opening", ["", "<think>", "<think>\n"])
def test_thoughts_are_put_behind_where_the_model_begins(opening: str) -> None:
    begins = f"<|im_start|>assistant\n{opening}"
    assert behind(begins, "<think>\nHm.\nWait,") == "<|im_start|>assistant\n<think>\nHm.\nWait,"


def test_only_a_last_message_that_begins_with_thoughts_goes_on_in_them() -> None:
    assert goes_on_in_thoughts((user("1"), assistant("<think>\nHm.")))
    assert not goes_on_in_thoughts((user("1"), assistant("Hm. <think>")))
    assert not goes_on_in_thoughts((assistant("<think>"), user("<think>")))
    assert not goes_on_in_thoughts(())
