"""How a completion is drawn from the model."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Sampling(BaseModel):
    """Sampling settings of a request; part of the key of its draws.

    `None` means "not set": strategies settle `temperature` and `max_tokens` before they draw, engines use
    their own neutral value for the rest. `temperature=0.0` is a value: greedy decoding.

    Attributes:
        temperature: Softmax temperature, 0 to 2; 0 is greedy.
        top_p: Nucleus mass, (0, 1].
        top_k: Only the k likeliest tokens, at least 1.
        min_p: Least probability relative to the likeliest token, [0, 1].
        max_tokens: Most tokens to write, reasoning tokens included.
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
    stop: tuple[str, ...] = ()
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    seeded: bool = True

    @property
    def greedy(self) -> bool:
        """True at temperature 0: the request then has draw index 0 only."""
        return self.temperature == 0

    def settled(self, *, temperature: float, max_tokens: int) -> "Sampling":
        """These settings with the two that every request states filled in where they are not set."""
        if self.temperature is not None and self.max_tokens is not None:
            return self
        return self.model_copy(
            update={
                "temperature": temperature if self.temperature is None else self.temperature,
                "max_tokens": max_tokens if self.max_tokens is None else self.max_tokens,
            }
        )
