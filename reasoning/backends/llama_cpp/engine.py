"""llama.cpp's server inside this process (package `xllamacpp`): its settings, its start and its end.

Its Python calls block a thread each and cannot be stopped while they wait; its loopback port streams, frees a slot when
the connection closes and has calls that Python does not (rendering a chat). So the port is what is used here, closed to
others by a random key.

Draws that do not depend on their company. With flash attention on and the KV cache in bfloat16, llama.cpp's CPU code
computes each token's attention row by row, in one order, whatever else is in the batch; its float16 and float32 caches
take tiles for many tokens and other code for one, whose sums differ in the last bits, and so do its matrix products in
some types. Measured for the models of `EXACT_MODELS` on x86-64 (AVX2): equal to the last bit of every log-probability
alone, in a busy batch, as n samples, and behind a prefix left in the cache by another request.
"""

import contextlib
import os
import platform
import secrets
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from reasoning.backends.llama_cpp.gguf import GgufHeader
from reasoning.backends.llama_cpp.loopback import Loopback
from reasoning.errors import BackendError, MissingPackageError

EXACT_MODELS = frozenset({("llama", ("Q4_1", "Q8_0"))})
"""Architectures with their matrices' types, the one with most weights first, for which that was measured."""
MOST_THREADS = 16


class EngineSettings(BaseModel):
    """How the engine is started.

    Attributes:
        path: The weights.
        context_tokens: Prompt and completion tokens of one draw.
        slots: Draws decoded at once.
        threads: Threads that compute; None for one a usable CPU, at most 16.
        gpu_layers: Layers on a GPU, -1 for as many as fit; without effect where the engine was built for CPUs.
        kv_cache: The type of cached keys and values.
        share_prefix: Keep prompts in their slots, so that a later prompt that starts alike skips the shared part.
        chat_template: A Jinja template in place of the model's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    context_tokens: PositiveInt
    slots: PositiveInt
    threads: PositiveInt | None
    gpu_layers: int
    kv_cache: Literal["bf16", "f16"]
    share_prefix: bool
    chat_template: str | None


class LlamaEngine:
    """A running engine.

    Raises:
        BackendError: The model does not load.
    """

    def __init__(self, settings: EngineSettings) -> None:
        xllamacpp = load_xllamacpp()
        self.version = str(xllamacpp.__version__)
        key = secrets.token_urlsafe(32)
        server = _start(xllamacpp, settings, key)
        host, _, port = server.listening_address.rpartition("/")[2].rpartition(":")
        self.calls = Loopback(host, int(port), key)
        holder = [server]
        # Also at the interpreter's exit: a server that is still running then would be torn down under its own threads.
        self._stop = weakref.finalize(self, holder.clear)

    def close(self) -> None:
        """Stops the engine and its threads, and frees the model; blocks for some hundredths of a second."""
        self._stop()


def load_xllamacpp() -> Any:
    """The package `xllamacpp`, its threads told to sleep while they wait for each other.

    They spin by default, which is 10 to 30 times slower as soon as another process wants one of their CPUs
    (measured: 1.4 tokens/s spinning, 16 to 42 asleep). The setting is read once, when the package loads.

    Raises:
        MissingPackageError: It is not installed.
    """
    with _environment("OMP_WAIT_POLICY", "passive"):
        try:
            import xllamacpp
        except ModuleNotFoundError as error:
            raise MissingPackageError(
                "xllamacpp", "pip install 'reasoning-strategies[local]'", "A llama.cpp backend"
            ) from error
    return xllamacpp


def on_gpu(gpu_layers: int) -> bool:
    """Whether the engine computes on a GPU, or on anything else than this machine's CPU."""
    if gpu_layers == 0:
        return False
    xllamacpp = load_xllamacpp()
    cpu = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return any(device["type"] != cpu for device in xllamacpp.get_device_info())


def is_exact(header: GgufHeader, kv_cache: str, gpu: bool) -> bool:
    """Whether a draw is the same alone and in any company: see the head of this module."""
    return (
        not gpu
        and kv_cache == "bf16"
        and platform.machine().lower() in ("x86_64", "amd64")
        and (header.architecture, header.matrix_types) in EXACT_MODELS
    )


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _loaded(xllamacpp: Any, params: Any) -> Any:
    """The server, once it has loaded its model.

    It is made in a thread, which no Ctrl-C reaches: an interrupt within its constructor leaves it with a thread that
    serves for ever, and whose end its destructor waits for. The interrupt is raised when the model is loaded.
    """
    with ThreadPoolExecutor(1, "llama.cpp loads") as thread:
        return thread.submit(xllamacpp.Server, params).result()


def _start(xllamacpp: Any, settings: EngineSettings, key: str) -> Any:
    with contextlib.suppress(RuntimeError):  # it has no reason in it: tried once more, aloud, for its words
        return _loaded(xllamacpp, _params(xllamacpp, settings, key, verbosity=-1))
    try:
        return _loaded(xllamacpp, _params(xllamacpp, settings, key, verbosity=1))
    except RuntimeError as error:
        raise BackendError(
            f"llama.cpp does not load {str(settings.path)!r}; its own words are on stderr above. A smaller n_ctx or "
            "n_parallel needs less memory, a newer xllamacpp knows more architectures."
        ) from error


def _params(xllamacpp: Any, settings: EngineSettings, key: str, verbosity: int) -> Any:
    threads = settings.threads or min(_usable_cpus(), MOST_THREADS)
    params = xllamacpp.CommonParams()
    params.model.path = str(settings.path)
    params.n_parallel = settings.slots
    params.n_ctx = settings.slots * settings.context_tokens
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = settings.gpu_layers
    params.no_op_offload = params.no_kv_offload = settings.gpu_layers == 0
    params.fit_params = settings.gpu_layers != 0
    if settings.kv_cache == "bf16":
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_BF16
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
        params.no_extra_bufts = True  # weights repacked for a CPU take other code for one token than for many
    params.cache_prompt = settings.share_prefix
    params.cache_ram_mib = 0
    if settings.chat_template is not None:
        params.chat_template = settings.chat_template
    params.api_keys = [key]
    params.n_threads_http = settings.slots + 4  # each call holds one of its threads
    params.sse_ping_interval = 1  # seconds until it finds out that a caller has gone, if no token tells it before
    params.ui = params.endpoint_slots = False
    params.verbosity = verbosity
    return params


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
