"""Reasoning text at the start of an answer."""

import pytest

from reasoning.backends.thoughts import effort_left_out, split_thoughts


@pytest.mark.parametrize(
    ("text", "opened", "reasoning", "answer"),
    [
        ("The answer is 5.", False, None, "The answer is 5."),
        ("<think>\n2 + 3\n</think>\n\nIt is 5.", False, "2 + 3", "It is 5."),
        ("2 + 3\n</think>\nIt is 5.", False, "2 + 3", "It is 5."),
        ("<think>never closed", False, "never closed", ""),
        ("never closed", True, "never closed", ""),
        ("2 + 3</think>5", True, "2 + 3", "5"),
        ("<think>\n\n</think>\n\n5", False, None, "5"),
        ("", True, None, ""),
    ],
)
def test_thoughts_are_split_off(text: str, opened: bool, reasoning: str | None, answer: str) -> None:
    assert split_thoughts(text, opened=opened) == (reasoning, answer)


def test_an_effort_is_left_out_only_where_nothing_says_it() -> None:
    assert effort_left_out(None, {}) == ()
    assert (
        effort_left_out("low", {"enable_thinking": False}) == effort_left_out("low", {"reasoning_effort": "low"}) == ()
    )
    assert "left out" in effort_left_out("low", {"other": 1})[0]
