"""A prefill that goes on inside a model's thoughts: `<think>` and thoughts, open or closed.

Templates leave the thoughts of earlier turns out, and of a last one too. So such a prefill is not rendered as a turn:
it is put behind the text that the template ends with where the model begins.
"""

from collections.abc import Sequence

from reasoning.message import Message
from reasoning.thoughts import Tags

OPEN, CLOSE = "<think>", "</think>"


def goes_on_in_thoughts(messages: Sequence[Message]) -> bool:
    """True for a chat whose last message is the assistant's and begins with thoughts."""
    return bool(messages) and messages[-1].role == "assistant" and messages[-1].content.startswith(OPEN)


def behind(rendered: str, prefill: str) -> str:
    """The text that the model goes on from.

    Args:
        rendered: The chat before the prefill, up to where the model begins.
        prefill: What it has said so far; its opening tag is left out where the template has put one already.
    """
    if not Tags().opened_by(rendered):
        return f"{rendered}{prefill}"
    thoughts = prefill.removeprefix(OPEN).lstrip("\n")
    return rendered + ("" if rendered.endswith("\n") else "\n") + thoughts
