"""How a completion is drawn from the model."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ROOM_TO_THINK = 16384
"""Tokens that a model which thinks is given for its thoughts where nobody says how many."""


class Sampling(BaseModel):
    """Sampling settings of a request; part of the key of its draws.

    `None` means "not set": strategies settle `temperature` and `max_tokens` before they draw, engines use
    their own neutral value for the rest. `temperature=0.0` is a value: greedy decoding.

    Attributes:
        temperature: Softmax temperature, 0 to 2; 0 is greedy.
        top_p: Nucleus mass, (0, 1].
        top_k: Only the k likeliest tokens, at least 1.
        min_p: Least probability relative to the likeliest token, [0, 1].
        max_tokens: Most tokens to write; see `limit`.
        limit: What `max_tokens` bounds: "total", everything that is written, thoughts included; "answer", the answer
            alone: a model behind a server that thinks is given room for its thoughts on top (`thinking_tokens`, at
            least 16,384), which it is not given before it is known to think. Strategies ask for the latter where nobody
            knows whether a model thinks; engines in this process know, and take both for the total.
        thinking_tokens: Most tokens of thought, for models that think to a budget; 0 asks for none.
        stop: Strings that end the text; they are cut from it.
        logprobs: Number of alternatives to return at each token; 0 gives the chosen token's log-probability only.
        effort: Reasoning effort, for models that take one.
        seeded: False asks for unseeded draws, which some engines sample faster; they are stored all the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    # What is not set is not written out: requests of before these fields keep their keys, and so their draws.
    limit: Literal["total", "answer"] = Field(default="total", exclude_if=lambda value: value == "total")
    thinking_tokens: Annotated[int, Field(ge=0)] | None = Field(default=None, exclude_if=lambda value: value is None)
    stop: tuple[str, ...] = ()
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    seeded: bool = True

    @property
    def greedy(self) -> bool:
        """True at temperature 0: the request then has draw index 0 only."""
        return self.temperature == 0

    @property
    def room_to_think(self) -> int:
        """Tokens for thoughts, where the model thinks and is given room for them."""
        return max(ROOM_TO_THINK, self.thinking_tokens or 0)

    @property
    def most_tokens(self) -> int | None:
        """Most tokens of one draw, whether the model thinks or not; None where nothing limits them."""
        if self.max_tokens is None or self.limit == "total":
            return self.max_tokens
        return self.max_tokens + self.room_to_think
