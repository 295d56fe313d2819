"""What a model call consumed, in tokens."""

from pydantic import BaseModel, ConfigDict, NonNegativeInt


class Usage(BaseModel):
    """Tokens of one or more model calls; usages add with ``+``.

    Attributes:
        prompt_tokens: Tokens read, `cached_tokens` among them.
        completion_tokens: Tokens written, `reasoning_tokens` among them.
        reasoning_tokens: Tokens of hidden or shown reasoning text.
        cached_tokens: Prompt tokens that the server had cached.
        estimated: True where a server gave no usage, or one that had to be split over several draws.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt_tokens: NonNegativeInt = 0
    completion_tokens: NonNegativeInt = 0
    reasoning_tokens: NonNegativeInt = 0
    cached_tokens: NonNegativeInt = 0
    estimated: bool = False

    @property
    def total_tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            estimated=self.estimated or other.estimated,
        )


NO_USAGE = Usage()
