"""Every backend as the conformance suite opens it: one entry each. A plug-in's driver is tested by adding one."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import reasoning
from reasoning import Capabilities, Completion, Failure, Logprobs, Request, Scripted, Usage
from reasoning.backends.budgeted import Budgeted
from reasoning.backends.opened import OpenedBackend
from reasoning.backends.paced import Paced
from reasoning.backends.pacer import Pacer
from reasoning.backends.retrying import Retrying
from reasoning.backends.scripted import ScriptedOptions, cut_at_stop
from reasoning.backends.stored import Stored
from reasoning.budget import Ledger
from reasoning.draws import draw_key, draw_seed

Fixture = Callable[[str], Any]
"""Gives a pytest fixture by its name."""


@dataclass(frozen=True)
class Engine:
    """One backend of the suite.

    Attributes:
        name: As the tests' ids have it.
        open: Opens it, without a store.
        marks: The lanes that run it.
    """

    name: str
    open: Callable[[Fixture], OpenedBackend]
    marks: tuple[pytest.MarkDecorator, ...] = field(default=())


def _scripted(_fixture: Fixture) -> OpenedBackend:
    ledger = Ledger()
    capabilities = Capabilities(
        text=True,
        seed=True,
        max_samples=8,
        logprobs=20,
        prefill=True,
        reproducible="exact",
        concurrency=16,
        context_tokens=_CONTEXT,
    )
    driver = Scripted(_babble, ScriptedOptions(latency_s=0.005, capabilities=capabilities), "babble")
    paced = Paced(Budgeted(driver, ledger), Pacer(default_cap=capabilities.concurrency, adaptive=False))
    return OpenedBackend(Stored(Retrying(paced), ledger=ledger), ledger)


def _llama_cpp(_fixture: Fixture) -> OpenedBackend:
    return reasoning.open_backend("local")


def _openai(fixture: Fixture) -> OpenedBackend:
    server = fixture("loopback_server")
    options = {"base_url": server.base_url, "api_key": "any", "prefill": "trailing"}
    return reasoning.open_backend(f"openai/{server.model}", context_tokens=server.context_tokens, **options)


def _transformers(_fixture: Fixture) -> OpenedBackend:
    from model_folder import embedded_folder

    return reasoning.open_backend(f"transformers/{embedded_folder('float32')}", dtype="float32", device="cpu")


def _vllm(_fixture: Fixture) -> OpenedBackend:
    from model_folder import embedded_folder

    options = {"dtype": "float32", "enforce_eager": True, "max_model_len": 2048, "kv_cache_memory_bytes": 2**30}
    return reasoning.open_backend(f"vllm/{embedded_folder('float32')}", **options)


ENGINES = (
    Engine("scripted", _scripted),
    Engine("llama-cpp", _llama_cpp, (pytest.mark.model, pytest.mark.slow)),
    Engine("openai", _openai, (pytest.mark.model, pytest.mark.slow)),
    Engine("transformers", _transformers, (pytest.mark.transformers, pytest.mark.timeout(900))),
    Engine("vllm", _vllm, (pytest.mark.vllm, pytest.mark.timeout(900))),
)

# A model of a few lines for the scripted backend: it does all that a request can ask for.

_CONTEXT = 2048
_WORDS = tuple(f" {a}{b}" for a in "bdfgklmn" for b in ("a", "e", "i", "o", "u"))


def _babble(request: Request, index: int) -> Completion:
    sampling = request.sampling
    prompt = request.prompt if request.prompt is not None else " ".join(m.content for m in request.messages)
    words = len(prompt.split())
    if words >= _CONTEXT:
        message = f"the prompt has {words} words, the context {_CONTEXT}"
        return Completion.failed(request, index, Failure(kind="context_overflow", message=message, retryable=False))
    chance = random.Random(f"{prompt}\n{sampling.temperature}\n{index}")
    said = [chance.choice(_WORDS) for _ in range(min(sampling.max_tokens or 16, 200))]
    text = cut_at_stop("".join(said), sampling.stop)
    logprobs = None
    if sampling.logprobs is not None:
        tokens = said[: -(-len(text) // 3)]
        value = -3.6889  # one of 40
        others = tuple((word, value) for word in _WORDS)
        top = tuple(((word, value), *(o for o in others if o[0] != word))[: sampling.logprobs] for word in tokens)
        logprobs = Logprobs(tokens=tuple(tokens), values=(value,) * len(tokens), top=top if sampling.logprobs else ())
    usage = Usage(prompt_tokens=words, completion_tokens=-(-len(text) // 3))
    return Completion(
        index=index,
        text=text,
        finish="stop" if text != "".join(said) else "length",
        logprobs=logprobs,
        usage=usage,
        billed=usage if index == 0 else usage.model_copy(update={"prompt_tokens": 0}),
        seed=draw_seed(draw_key("babble", request), index) if sampling.seeded else None,
    )
