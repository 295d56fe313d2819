"""One draw on its way through the engine."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from reasoning.backends.precedence import precedence
from reasoning.backends.transformers.picking import Setting
from reasoning.completion import Failure
from reasoning.sampling import Sampling

End = Literal["stop", "length", "context", "failed"]
Entry = tuple[float, list[tuple[int, float]]]
"""A token's log-probability, and the likeliest tokens with theirs."""
_UNBOUNDED = 1024


@dataclass(eq=False)
class Row:
    """One draw.

    Attributes:
        prompt: Token ids.
        sampling: How it is drawn.
        seed: What the chance in it comes from.
        room: Tokens that prompt and completion can have together.
        ended: Called on the engine's thread, once.
        tokens: What has been drawn so far, the end token included.
        entries: The log-probabilities of these, where asked for.
        end: Why it ended; None while it runs.
        failure: Why it failed.
        cancelled: Nobody waits for it any more.
        notices: What had to be done otherwise than asked.
        precedence: When its problem began: earlier ones join the batch first.
    """

    prompt: tuple[int, ...]
    sampling: Sampling
    seed: int
    room: int
    ended: Callable[["Row"], None]
    tokens: list[int] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    end: End | None = None
    failure: Failure | None = None
    cancelled: bool = False
    notices: tuple[str, ...] = ()
    precedence: float = field(default_factory=precedence)
    stop: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.stop = tuple(mark for mark in self.sampling.stop if mark)

    @property
    def ids(self) -> tuple[int, ...]:
        """All that the model has read of it, or will have."""
        return (*self.prompt, *self.tokens)

    @property
    def length(self) -> int:
        """How many those are."""
        return len(self.prompt) + len(self.tokens)

    @property
    def reserve(self) -> int:
        """Tokens that it is expected to have at most; where nothing bounds it, a guess."""
        return min(self.room, len(self.prompt) + (self.sampling.max_tokens or _UNBOUNDED))

    @property
    def setting(self) -> Setting:
        """How its next token is picked."""
        return Setting(self.sampling, self.seed, len(self.tokens))

    @property
    def full(self) -> End | None:
        """Why no token can follow, if so."""
        if len(self.tokens) >= (self.sampling.max_tokens or math.inf):
            return "length"
        if self.length >= self.room:
            return "length" if self.sampling.max_tokens is None else "context"
        return None

    def close(self, end: End, failure: Failure | None = None) -> None:
        """Ends it, and tells who waits."""
        self.end, self.failure = end, failure
        self.ended(self)
