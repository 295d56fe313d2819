"""One model output."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from reasoning.request import Request
from reasoning.unicode import Text
from reasoning.usage import NO_USAGE, Usage

Finish = Literal["stop", "length", "content_filter", "refusal", "failed"]
FailureKind = Literal[
    "rate_limit", "timeout", "connection", "server_error", "malformed", "context_overflow", "cancelled", "unsupported"
]


class Failure(BaseModel):
    """Why a draw could not be had.

    Attributes:
        kind: The sort of failure.
        message: The server's or engine's words, without keys.
        retryable: True where trying again can help.
        retry_after: Seconds that the server asked to wait.
        usage: What the failed attempt was billed all the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FailureKind
    message: str
    retryable: bool
    retry_after: float | None = None
    usage: Usage = NO_USAGE


class Logprobs(BaseModel):
    """Natural-log probabilities of a text's tokens, one entry a token.

    Attributes:
        tokens: The chosen tokens' texts.
        values: Their log-probabilities.
        top: For each token the likeliest alternatives with their log-probabilities, or empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: tuple[str, ...]
    values: tuple[float, ...]
    top: tuple[tuple[tuple[str, float], ...], ...] = ()


class Completion(BaseModel):
    """One model output: draw `index` of `request`.

    Attributes:
        index: The draw index (the row, where a run has a seed).
        text: The answer text; the stop string is cut.
        reasoning: The reasoning text of a reasoning model; None when there is none or it is hidden, never "".
        finish: Why the text ended; "failed" where there is a `failure`.
        logprobs: Token log-probabilities, where asked for.
        usage: What this draw costs bought alone and cold; intrinsic, the same live, cached or replayed.
        billed: What the purchase of this draw added to the bill where that differs from `usage` (a prompt shared by
            several samples is billed once); None means the same as `usage`.
        cost: Money for `usage` in US dollars; None where the price is unknown.
        latency_s: Seconds from the request to the answer.
        failure: Why the draw failed, else None.
        model: The model's name as the server reported it.
        fingerprint: The server's system fingerprint.
        seed: The seed sent to the model; None where the draw is unseeded.
        rendered: The chat as the text that the model saw, where the engine tells.
        degradations: What the backend could not do as asked, one short sentence each.
        request: What was asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int = Field(ge=0)
    text: Text = ""
    reasoning: Text | None = None
    finish: Finish = "stop"
    logprobs: Logprobs | None = None
    usage: Usage = NO_USAGE
    billed: Usage | None = None
    cost: float | None = None
    latency_s: float = 0.0
    failure: Failure | None = None
    model: str | None = None
    fingerprint: str | None = None
    seed: int | None = None
    rendered: str | None = None
    degradations: tuple[str, ...] = ()
    request: Request | None = Field(default=None, repr=False)

    @classmethod
    def failed(cls, request: Request, index: int, failure: Failure, latency_s: float = 0.0) -> "Completion":
        """The completion that stands for a draw that could not be had."""
        return cls(
            index=index, finish="failed", failure=failure, usage=failure.usage, latency_s=latency_s, request=request
        )
