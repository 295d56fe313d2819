"""What is asked of a model."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from reasoning.message import Message
from reasoning.sampling import Sampling


class Request(BaseModel):
    """What is asked of a model: chat messages, or a plain text to go on from, and how to sample.

    Exactly one of `messages` and `prompt` is given. Which sample of the request is wanted (the draw index) is not
    part of it: one request has many draws.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: tuple[Message, ...] = ()
    prompt: str | None = None
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=512)

    @model_validator(mode="after")
    def _one_form(self) -> "Request":
        if bool(self.messages) == (self.prompt is not None):
            raise ValueError("a request has either messages or a prompt, and not both")
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with changes; pydantic's own would keep the canonical text, and so the draws, of the original."""
        copy = super().model_copy(update=update, deep=deep)
        copy.__dict__.pop("canonical", None)
        return copy

    @property
    def prefill(self) -> str | None:
        """The text that the answer must go on from, where the last message is the assistant's."""
        return self.messages[-1].content if self.messages and self.messages[-1].role == "assistant" else None

    @property
    def prompt_bytes(self) -> int:
        """UTF-8 bytes of all prompt text: an upper bound on its tokens where no tokenizer is at hand."""
        if self.prompt is not None:
            return _bytes(self.prompt)
        return sum(_bytes(message.content) + 16 for message in self.messages)

    @cached_property
    def canonical(self) -> str:
        """The request as canonical JSON: equal requests, and only they, have equal text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))  # a reply may hold lone surrogates, and stand in the next prompt
