"""The real model that tests run: the embedded one, in this process or behind its own OpenAI-compatible server."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import reasoning
from reasoning.backends.llama_cpp.embedded import embedded_model
from reasoning.backends.llama_cpp.engine import load_xllamacpp
from reasoning.backends.opened import OpenedBackend


@dataclass(frozen=True)
class LoopbackServer:
    """llama.cpp's OpenAI-compatible server on a free loopback port.

    Attributes:
        base_url: What an OpenAI client takes, e.g. `"http://127.0.0.1:40123/v1"`; any API key will do.
        model: The model's name on that server.
        context_tokens: Prompt and completion tokens that fit in one request.
    """

    base_url: str
    model: str
    context_tokens: int


@pytest.fixture(scope="session")
def local_backend() -> Iterator[OpenedBackend]:
    """The embedded model, opened once for all tests."""
    with reasoning.open_backend("local") as backend:
        yield backend


@pytest.fixture(scope="session")
def loopback_server() -> Iterator[LoopbackServer]:
    """The embedded model behind a real OpenAI-compatible server; draws do not depend on earlier prompts."""
    xllamacpp = load_xllamacpp()
    slots, context = 4, 2048
    params = xllamacpp.CommonParams()
    params.model.path = str(embedded_model())
    params.model_alias = {"smollm2"}
    params.n_parallel, params.n_ctx = slots, slots * context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    params.cache_prompt, params.cache_ram_mib = False, 0
    # A text must not depend on what else the server computes: see reasoning/backends/llama_cpp/engine.py.
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_BF16
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    params.no_extra_bufts = True
    params.verbosity = -1
    server = xllamacpp.Server(params)
    yield LoopbackServer(f"{server.listening_address}/v1", "smollm2", context)
    del server
