"""vLLM's asynchronous engine: its start, what is known of it, and its end.

The engine computes in processes of its own, started from here, with continuous batching and a cache of prefixes. It is
built off any event loop, and belongs to the loop that first draws from it.
"""

import gc
import multiprocessing
import secrets
import signal
import threading
import time
import traceback
import warnings
from concurrent.futures import Future
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any

from reasoning.backends.vllm import troubles
from reasoning.backends.vllm.engine_args import installed
from reasoning.backends.vllm.lifeline import Lifeline
from reasoning.backends.vllm.options import VLLMOptions
from reasoning.backends.vllm.processes import family, peak_memory, wait_gone
from reasoning.backends.vllm.quiet import Quiet, stdout_apart
from reasoning.backends.vllm.source import Source
from reasoning.errors import BackendError, MissingPackageError

CPU_CACHE_BYTES = 4 * 2**30
"""Keys and values on a CPU where nothing is said: vLLM itself would take most of the machine's memory."""
_POLL_S = 0.02
_END_S = 15.0
_GIVE_UP_S = 3.0
_starting = threading.Lock()
"""Engines start one after the other: environment, stdout and children belong to the whole process."""


class VLLMEngine:
    """A running engine.

    Args:
        source: The model.
        options: See `VLLMOptions`.

    Attributes:
        llm: vLLM's `AsyncLLM`.
        version: vLLM's.
        device: What it computes on: `"cpu"`, `"cuda"`, …

    Raises:
        MissingPackageError: vLLM is not installed.
        ConfigError: vLLM refuses an option's value.
        BackendError: There is no GPU, not enough memory, or the engine does not start for another reason.
    """

    def __init__(self, source: Source, options: VLLMOptions) -> None:
        if installed() is None:
            raise MissingPackageError("vllm", "pip install 'reasoning-strategies[vllm]'", "The vLLM backend")
        self._quiet = Quiet()
        self._lifeline: Lifeline | None = None
        self._started: set[BaseProcess] = set()
        # vLLM itself lets the variable go before the option
        hidden = ("VLLM_CPU_KVCACHE_SPACE",) if "kv_cache_memory_bytes" in options.engine else ()
        with _starting, self._quiet.environment(hidden), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.version, self.device, self.config = _configured(source, options)
            self.llm: Any = self._start(source.model)

    def _start(self, model: str) -> Any:
        """Starts the engine's processes: they write to stderr, and end with this one."""
        before = set(multiprocessing.active_children())
        starting: Future[Any] = Future()
        threading.Thread(target=_start_apart, args=(self.config, starting), name="vllm-start", daemon=True).start()
        try:
            with stdout_apart():
                while not starting.done() and not self._hold(before):
                    time.sleep(_POLL_S)
            llm = starting.result()
            self._hold(before)
        except BaseException as error:
            self._hold(before)
            self._end(_GIVE_UP_S)
            traceback.clear_frames(error.__traceback__)  # they hold the half-made engine and its sockets
            gc.collect()
            if isinstance(error, Exception):
                raise troubles.of_start(model, self._quiet.words, error) from error
            raise
        return llm

    def _hold(self, before: set[BaseProcess]) -> bool:
        """Ties new processes to the life of this one; True where there are any."""
        for child in set(multiprocessing.active_children()) - before - self._started:
            self._lifeline = self._lifeline or Lifeline()
            if child.pid is not None:
                self._lifeline.hold(child.pid)
            self._started.add(child)
        return bool(self._started)

    def _end(self, seconds: float) -> None:
        running = family(self._pids)
        for child in self._started:
            child.terminate()
        wait_gone(running, seconds)
        for child in self._started:
            child.join(_END_S)
        if self._lifeline is not None:
            self._lifeline.cut()
            self._lifeline = None

    def close(self) -> None:
        """Ends the engine's processes, and waits until they are gone; blocks for some seconds."""
        running = family(self._pids)
        self.llm.shutdown()
        wait_gone(running, _END_S)
        self._end(_END_S)

    def forget(self) -> None:
        """Frees what a closed engine holds in this process; on its loop, which closes its sockets."""
        resources = self.llm.engine_core.resources
        self.llm = None  # else it would end once more with the interpreter, and complain
        if all(one is None or one.closed for one in (resources.input_socket, resources.output_socket)):
            resources.ctx.destroy(linger=0)

    @property
    def _pids(self) -> list[int]:
        return [child.pid for child in self._started if child.pid is not None]

    @property
    def dead(self) -> bool:
        """Whether the engine ended by itself."""
        return bool(self.llm.errored)

    @property
    def last_words(self) -> str:
        """What it said of the reason; "" for nothing."""
        return self._quiet.words

    @property
    def context_tokens(self) -> int:
        """Prompt and completion tokens that fit together."""
        return int(self.config.model_config.max_model_len)

    @property
    def max_num_seqs(self) -> int:
        """Most draws decoded at once."""
        return int(self.config.scheduler_config.max_num_seqs)

    @property
    def max_logprobs(self) -> int:
        """Most alternatives a token; -1 for all."""
        return int(self.config.model_config.max_logprobs)

    @property
    def dtype(self) -> str:
        """The number format that it computes in, e.g. `"bfloat16"`."""
        return str(self.config.model_config.dtype).removeprefix("torch.")

    @property
    def quantization(self) -> str | None:
        """How the weights are quantised, e.g. `"awq"`; None where they are not."""
        found = self.config.model_config.quantization
        return str(found) if found else None

    @property
    def peak_memory_bytes(self) -> int | None:
        """On a CPU the most that its processes had, each; on a GPU what it set aside. None where it is not known."""
        if self.device == "cpu":
            return sum(peak_memory(pid) for pid in family(self._pids)) or None
        cache = self.config.cache_config
        if cache.kv_cache_memory_bytes is not None:
            return None
        from vllm.platforms import current_platform

        share = cache.gpu_memory_utilization * self.config.parallel_config.world_size
        return int(current_platform.get_device_total_memory() * share)


def _configured(source: Source, options: VLLMOptions) -> tuple[str, str, Any]:
    """The version of vLLM, its device, and its configuration for the model."""
    try:
        import vllm
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.platforms import current_platform
    except ImportError as error:
        raise troubles.of_start(source.model, f"{type(error).__name__}: {error}", error) from error
    if current_platform.is_unspecified():
        raise BackendError(troubles.NO_DEVICE)
    device = str(current_platform.device_type)
    try:
        config = AsyncEngineArgs(**_arguments(source, options, device)).create_engine_config()
    except Exception as error:
        raise troubles.of_settings(source.model, error) from error
    return str(vllm.__version__), device, config


def _arguments(source: Source, options: VLLMOptions, device: str) -> dict[str, Any]:
    """The engine's arguments: what was asked for, and what suits a backend where nothing was."""
    defaults: dict[str, Any] = {"seed": secrets.randbits(31), "use_tqdm_on_load": False}
    if device == "cpu" and not {"gpu_memory_utilization", "kv_cache_memory_bytes"} & options.engine.keys():
        defaults["kv_cache_memory_bytes"] = CPU_CACHE_BYTES
    if "revision" in source.arguments and "tokenizer" not in options.engine:
        defaults["tokenizer_revision"] = source.revision
    return {**defaults, **options.engine, **source.arguments, "disable_log_stats": True}


def _start_apart(config: Any, starting: "Future[Any]") -> None:
    """Starts the engine in a thread that Ctrl-C does not reach, nor the processes that inherit its signal mask.

    A terminal's Ctrl-C goes to the engine's processes too, and would end them under draws that are still landing.
    """
    from vllm.v1.engine.async_llm import AsyncLLM

    resource_tracker.ensure_running()  # its start, which the first process brings about, would clear the mask
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        starting.set_result(AsyncLLM.from_vllm_config(config, disable_log_stats=True))
    except BaseException as error:  # noqa: BLE001 (it is raised where the result is waited for)
        starting.set_exception(error)
