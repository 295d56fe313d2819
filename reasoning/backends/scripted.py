"""A backend whose replies are written down: for tests, faults and measuring our own overhead. It proves no model."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reasoning.backends.backend import Capabilities
from reasoning.backends.explaining import Explained, settings_asked
from reasoning.completion import Completion
from reasoning.draws import draw_key, draw_seed, identity_text
from reasoning.errors import UnknownNameError
from reasoning.request import Request
from reasoning.unicode import well_formed
from reasoning.usage import Usage

Reply = str | Completion
Script = Callable[[Request, int], Reply]
"""Gives the reply to draw `index` of a request; a `Completion` stands for faults, usage and log-probabilities."""

NAMES = ("constant", "replies", "weighted", "echo")


class ScriptedOptions(BaseModel):
    """Options of `scripted/<name>`.

    Attributes:
        text: What `scripted/constant` always says.
        replies: What `scripted/replies` says, by draw index, round and round.
        weights: What `scripted/weighted` says, each text with its weight; drawn by the draw's seed, so that it is a
            model with a known distribution.
        latency_s: Seconds each call sleeps.
        capabilities: What the backend says it can do.
        identity: Told apart from other scripts in the store.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = "The answer is 18."
    replies: tuple[str, ...] = ()
    weights: Mapping[str, float] = {}
    latency_s: float = Field(default=0.0, ge=0)
    capabilities: Capabilities = Capabilities(
        text=True, seed=True, max_samples=64, prefill=True, thinks=False, reproducible="exact", concurrency=64
    )
    identity: str = ""

    @model_validator(mode="after")
    def _weights_positive(self) -> Self:
        if self.weights and (min(self.weights.values()) < 0 or sum(self.weights.values()) <= 0):
            raise ValueError("weights must not be negative, and one of them must be above 0")
        return self


class Scripted:
    """Replies from a script: `Scripted(lambda request, index: "The answer is 18.")`.

    Tokens are counted as words. `calls` holds every (request, indices) asked for, in order of arrival; of a backend
    that is opened by its name it stays empty, since such a one may be asked a million times.
    """

    Options = ScriptedOptions

    def __init__(self, script: Script, options: ScriptedOptions | None = None, name: str = "script") -> None:
        self.options = options or ScriptedOptions()
        self.spec = f"scripted/{name}"
        self.capabilities = self.options.capabilities
        self.identity: Mapping[str, Any] = {
            "engine": "scripted",
            "model": name,
            "script": self.options.model_dump(mode="json", include={"text", "replies", "weights", "identity"}),
        }
        self.calls: list[tuple[Request, tuple[int, ...]]] = []
        self._keeps_calls = True
        self._script = script
        self._identity_text = identity_text(self.identity)

    @classmethod
    def open(cls, model: str, options: ScriptedOptions) -> Self:
        """Opens `scripted/<model>` for one of `NAMES`."""
        opened = cls(_script(model, options), options, model)
        opened._keeps_calls = False
        return opened

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`."""
        started = time.perf_counter()
        if self._keeps_calls:
            self.calls.append((request, tuple(indices)))
        if self.options.latency_s:
            await asyncio.sleep(self.options.latency_s)
        key = draw_key(self._identity_text, request)
        latency = time.perf_counter() - started
        return [self._completion(request, index, draw_seed(key, index), latency) for index in indices]

    def _completion(self, request: Request, index: int, seed: int, latency: float) -> Completion:
        reply = self._script(request, index) if self.options.weights == {} else self._weighted(seed)
        if isinstance(reply, Completion):
            return reply.model_copy(update={"index": index, "request": request})
        text = well_formed(cut_at_stop(reply, request.sampling.stop))
        return Completion.model_construct(
            index=index,
            text=text,
            finish="stop",
            usage=Usage(prompt_tokens=len(_prompt(request).split()), completion_tokens=len(text.split())),
            latency_s=latency,
            seed=seed if request.sampling.seeded else None,
            request=request,
        )

    async def explain(self, request: Request) -> Explained:
        """See `Explains.explain`: no template, and each word a token without an id."""
        rendered = _prompt(request)
        return Explained(
            rendered=rendered,
            tokens=tuple(rendered.split()),
            stop=request.sampling.stop,
            settings=settings_asked(request.sampling),
            notes=("A script has no tokenizer: tokens are counted as words.",),
        )

    def _weighted(self, seed: int) -> str:
        weights = self.options.weights
        return random.Random(seed).choices(list(weights), list(weights.values()))[0]

    async def aclose(self) -> None:
        """Holds nothing."""


def _prompt(request: Request) -> str:
    return request.prompt if request.prompt is not None else " ".join(m.content for m in request.messages)


def cut_at_stop(text: str, stop: Sequence[str]) -> str:
    """A text up to the first of its stop strings."""
    ends = [at for at in (text.find(mark) for mark in stop if mark) if at >= 0]
    return text[: min(ends)] if ends else text


def _script(name: str, options: ScriptedOptions) -> Script:
    if name == "constant" or name == "weighted":
        return lambda request, index: options.text
    if name == "replies":
        replies = options.replies or (options.text,)
        return lambda request, index: replies[index % len(replies)]
    if name == "echo":
        return lambda request, index: request.prompt or request.messages[-1].content
    raise UnknownNameError("script", name, NAMES)
