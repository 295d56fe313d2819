"""One turn of a chat."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Role = Literal["system", "user", "assistant"]


class Message(BaseModel):
    """One turn of a chat.

    An assistant message that stands last is a *prefill*: the model goes on from its text (`Capabilities.prefill`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    content: str


def system(content: str) -> Message:
    """A system message."""
    return Message(role="system", content=content)


def user(content: str) -> Message:
    """A user message."""
    return Message(role="user", content=content)


def assistant(content: str) -> Message:
    """An assistant message."""
    return Message(role="assistant", content=content)
