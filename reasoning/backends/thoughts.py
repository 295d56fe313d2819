"""Reasoning text that a model writes into its answer: `<think>…</think>` at the start."""

from collections.abc import Mapping
from typing import Any

OPEN, CLOSE = "<think>", "</think>"
EFFORT_LEFT_OUT = "This backend passes no reasoning effort on: it was left out; template_args may say it in a chat."
_SAY_EFFORT = frozenset({"reasoning_effort", "enable_thinking"})


def effort_left_out(effort: str | None, template_args: Mapping[str, Any]) -> tuple[str, ...]:
    """What goes on the record where a reasoning effort was asked for, and the template's arguments say none."""
    return () if effort is None or _SAY_EFFORT & template_args.keys() else (EFFORT_LEFT_OUT,)


def split_thoughts(text: str, *, opened: bool = False) -> tuple[str | None, str]:
    """Splits `<think>…</think>` off the start of a text.

    A template can put the opening tag into the prompt, so the closing one alone counts too. What was never closed is
    all reasoning: the text was cut in it.

    Args:
        text: What the model wrote.
        opened: The prompt is known to end with the opening tag.

    Returns:
        The reasoning text, None where there is none, and the answer.
    """
    start = text.lstrip()
    if not (opened or start.startswith(OPEN) or CLOSE in start):
        return None, text
    thoughts, closed, answer = start.removeprefix(OPEN).partition(CLOSE)
    return thoughts.strip() or None, answer.lstrip() if closed else ""
