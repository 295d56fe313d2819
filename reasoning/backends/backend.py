"""What a backend is: the one seam between strategies and models.

Drivers (OpenAI, llama.cpp, vLLM, transformers, scripted) and layers (store, retries, pacing, spend limits, replicas)
all have this shape; a layer is a Backend around a Backend.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, PositiveInt

from reasoning.completion import Completion
from reasoning.request import Request
from reasoning.usage import NO_USAGE, Usage


class Capabilities(BaseModel):
    """What a backend can do. What it cannot is degraded on the record, never silently.

    Attributes:
        chat: Takes chat messages.
        text: Takes a plain text prompt.
        style: The form this model answers better; what a strategy's `style="auto"` picks.
        max_samples: Most draws of one request that are asked for in one call.
        seed: Seeds are honoured.
        logprobs: Most alternatives a token, 0 for the chosen token's only, None for no log-probabilities.
        prefill: Goes on from an assistant message that stands last.
        prefill_thoughts: Goes on from such a message inside the model's thoughts where it begins with `<think>`.
        reasoning: Returns reasoning text apart from the answer.
        thinks: The model reasons by itself before it answers; None where that is not known.
        scoring: Has `score` (a reward or process-reward model).
        reproducible: "exact": draw i is the same alone, in a batch and after a restart; "batch_dependent": it can
            depend on what it is batched with; "no": nothing is promised.
        concurrency: Requests in flight that suit it when nothing else is said.
        context_tokens: Prompt and completion tokens that fit together, where known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    chat: bool = True
    text: bool = False
    style: Literal["chat", "text"] = "chat"
    max_samples: PositiveInt = 1
    seed: bool = False
    logprobs: int | None = None
    prefill: bool = False
    prefill_thoughts: bool = False
    reasoning: bool = False
    thinks: bool | None = None
    scoring: bool = False
    reproducible: Literal["exact", "batch_dependent", "no"] = "no"
    concurrency: PositiveInt = 16
    context_tokens: PositiveInt | None = None


class Scores(BaseModel):
    """A scorer's verdict on one text.

    Attributes:
        values: One score a step for a process-reward model, one in all for a reward model.
        usage: The tokens that it took, where the scorer tells.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: tuple[float, ...]
    usage: Usage = NO_USAGE


@runtime_checkable
class Backend(Protocol):
    """Draws completions from one model.

    Attributes:
        spec: How it was opened, e.g. `"openai/gpt-4o-mini"`; holds no keys.
        identity: What makes two models the same for the store: weights, tokenizer, engine, precision, or endpoint and
            name; plain JSON values.
        capabilities: What it can do.
    """

    @property
    def spec(self) -> str: ...

    @property
    def identity(self) -> Mapping[str, Any]: ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """Draws the given indices of a request.

        Returns:
            Exactly one completion for each index, in order; a failed draw carries its `failure`.

        Raises:
            RunStopped: What stops a whole run: authentication, a bad request, the spend limit.
        """
        ...

    async def aclose(self) -> None:
        """Frees what the backend holds; safe to call twice."""
        ...


@runtime_checkable
class RemembersAnswers(Protocol):
    """The optional capability of a driver that stops where its server refuses the first request of all.

    Once the server has answered, what it refuses costs one draw and not the run.
    """

    def answered_before(self) -> None:
        """Takes note that the store holds draws of this model: the server has answered, in an earlier run."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """The optional capability of a reward or process-reward model."""

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """Scores each text as an answer to the request."""
        ...


@runtime_checkable
class Idles(Protocol):
    """The optional capability of a backend that queues calls: it says when it could do with more of them."""

    async def idle(self) -> int:
        """Waits until no call has to queue and some could start at once; how many could."""
        ...
