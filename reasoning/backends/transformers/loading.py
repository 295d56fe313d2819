"""Loads a model, and says beforehand what cannot work: no such device, not enough memory, a kind that is not served."""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from reasoning.backends.transformers.options import TransformersOptions
from reasoning.backends.transformers.source import Source, nearest
from reasoning.errors import BackendError, ConfigError, MissingPackageError

INSTALL = "pip install 'reasoning-strategies[transformers]'"
QUANTIZATIONS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "bitsandbytes-8bit": ("bitsandbytes", "bitsandbytes", {"load_in_8bit": True}),
    "bitsandbytes-4bit": ("bitsandbytes", "bitsandbytes", {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}),
    "quanto-int8": ("optimum", "quanto", {"weights": "int8"}),
    "quanto-int4": ("optimum", "quanto", {"weights": "int4"}),
    "hqq-4bit": ("hqq", "hqq", {"nbits": 4, "group_size": 64}),
}
"""Short names: the package each needs, transformers' `quant_method`, and its fields."""
_PIP = {"optimum": "optimum-quanto"}
_HUB_S = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A model that is ready.

    Attributes:
        model: Of transformers, on its device.
        tokenizer: Its tokenizer.
        commit: Of the hub repository it came from, if any.
        version: Of transformers and PyTorch, for the record.
    """

    model: Any
    tokenizer: Any
    commit: str | None
    version: str


def require() -> None:
    """Checks that transformers and PyTorch are installed.

    Raises:
        MissingPackageError: One is not.
    """
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise MissingPackageError(package, INSTALL, "A transformers backend")


def device_of(wanted: str) -> Any:
    """The device that an option means.

    Raises:
        ConfigError: PyTorch sees no such device here.
    """
    import torch

    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(wanted)
    count = torch.cuda.device_count() if device.type == "cuda" and torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        seen = f"{count} CUDA devices" if count else "no CUDA device"
        raise ConfigError(
            f"The option device cannot be {wanted!r}: PyTorch {torch.__version__} sees {seen} here; give device=cpu, "
            "or install a build of PyTorch for this machine's GPU."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("The option device cannot be 'mps': this is no Mac with a GPU; give device=cpu.")
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def free_bytes(device: Any) -> int:
    """Memory that is free on a device."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    import psutil  # type: ignore[import-untyped, unused-ignore]

    return int(psutil.virtual_memory().available)


def load(source: Source, options: TransformersOptions) -> Loaded:
    """Loads model and tokenizer.

    Raises:
        ConfigError: An option cannot be had here, the model is of a kind that is not served, or memory is too small.
        MissingPackageError: A package that the model's quantisation needs is not installed.
        BackendError: transformers does not load it, or the hub cannot be reached.
    """
    import torch
    import transformers

    device = device_of(options.device)
    where: dict[str, Any] = {
        "pretrained_model_name_or_path": source.name,
        "trust_remote_code": options.trust_remote_code,
    }
    where |= {"gguf_file": source.gguf} if source.gguf else {}
    if not source.local:
        where |= _on_hub(source, options.revision)
    quantization = _quantization(options.quantization)
    dtype = options.dtype if options.dtype == "auto" else getattr(torch, options.dtype)
    with _quiet(transformers):
        try:
            config = transformers.AutoConfig.from_pretrained(**where)
            _check(config, source, options)
            if quantization is None and getattr(config, "quantization_config", None) is None:
                _check_memory(transformers, config, dtype, device, source)
            tokenizer = transformers.AutoTokenizer.from_pretrained(**where)
            more: dict[str, Any] = {}
            more |= {"attn_implementation": options.attn_implementation} if options.attn_implementation else {}
            more |= {"quantization_config": quantization} if quantization is not None else {}
            more |= {"device_map": {"": device}} if device.type != "cpu" else {}
            model = transformers.AutoModelForCausalLM.from_pretrained(**where, dtype=dtype, **more).eval()
        except (ConfigError, MissingPackageError):
            raise
        except Exception as error:
            raise _why(error, source, where, device) from error
    _check_cache(model, source)
    version = f"transformers {transformers.__version__}, torch {torch.__version__}"
    return Loaded(model, tokenizer, getattr(config, "_commit_hash", None), version)


def _on_hub(source: Source, revision: str | None) -> dict[str, Any]:
    """Where on the hub the model is; asked first, because loading asks many times over before it gives up.

    Raises:
        ConfigError: The hub has no such model, or no such revision of it.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        return {"revision": HfApi().model_info(source.name, revision=revision, timeout=_HUB_S).sha}
    except RevisionNotFoundError as error:
        raise ConfigError(f"The hub's model {source.name!r} has no revision {revision!r}; leave it out.") from error
    except RepositoryNotFoundError as error:
        raise ConfigError(
            f"The model {source.name!r} is neither a folder or file here nor on the hub, or it is one that needs a "
            f"token (HF_TOKEN).{nearest(source.name)}"
        ) from error
    except Exception as error:  # noqa: BLE001 (the hub's client lets through whatever its HTTP library raises)
        log.debug("the hub cannot be reached: %s", error)
        return {"local_files_only": True} | ({"revision": revision} if revision else {})


def _quantization(wanted: str | Mapping[str, Any] | None) -> Any:
    if wanted is None:
        return None
    from transformers.quantizers import AutoQuantizationConfig

    if isinstance(wanted, str):
        if wanted not in QUANTIZATIONS:
            known = ", ".join(QUANTIZATIONS)
            raise ConfigError(
                f"The option quantization cannot be {wanted!r}; known are {known}, or give the fields of a "
                "quantization config of transformers."
            )
        package, method, fields = QUANTIZATIONS[wanted]
        if find_spec(package) is None:
            raise MissingPackageError(package, f"pip install {_PIP.get(package, package)}", f"quantization={wanted}")
        wanted = {"quant_method": method, **fields}
    try:
        return AutoQuantizationConfig.from_dict(dict(wanted))
    except Exception as error:
        raise ConfigError(f"The option quantization cannot be {dict(wanted)!r}: {error}") from error


def _check(config: Any, source: Source, options: TransformersOptions) -> None:
    if getattr(config, "is_encoder_decoder", False):
        raise ConfigError(
            f"{source.title!r} ({config.model_type}) reads with one half and writes with another; only models that go "
            "on from a text are served here."
        )
    most = context_of(config)
    if options.context_tokens is not None and most is not None and options.context_tokens > most:
        raise ConfigError(
            f"The option context_tokens cannot be {options.context_tokens}: the model's context is {most} tokens."
        )


def context_of(config: Any) -> int | None:
    """Tokens that the model was made for; None where its config does not say."""
    text = config.get_text_config(decoder=True)
    names = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
    return next((int(value) for name in names if isinstance(value := getattr(text, name, None), int)), None)


def _check_memory(transformers: Any, config: Any, dtype: Any, device: Any, source: Source) -> None:
    """Counts the weights without loading them."""
    import torch

    try:
        with torch.device("meta"):
            model = transformers.AutoModelForCausalLM.from_config(config)
    except Exception as error:  # noqa: BLE001 (a model that cannot be counted may load all the same)
        log.debug("the weights of %s cannot be counted beforehand: %s", source.title, error)
        return
    if getattr(model, "_is_stateful", False):
        raise _not_served(source, config)
    if dtype == "auto":
        dtype = getattr(config, "dtype", None) or getattr(config.get_text_config(decoder=True), "dtype", None)
    if not isinstance(dtype, torch.dtype):
        return  # the weights' own, which their files tell as they are loaded
    needed, free = model.num_parameters() * dtype.itemsize, free_bytes(device)
    if needed > free:
        raise ConfigError(
            f"{source.title!r} does not fit: its weights take {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are "
            f"free on {device}; give a smaller dtype, a quantization, or another device."
        )


def _check_cache(model: Any, source: Source) -> None:
    """Only models whose memory of a text is keys and values can have rows join and leave."""
    from transformers.cache_utils import DynamicCache

    plain = {"DynamicLayer", "DynamicSlidingWindowLayer"}
    kinds = {type(layer).__name__ for layer in DynamicCache(config=model.config).layers}
    if getattr(model, "_is_stateful", False) or not kinds <= plain:
        raise _not_served(source, model.config)


def _not_served(source: Source, config: Any) -> ConfigError:
    return ConfigError(
        f"{source.title!r} ({config.model_type}) keeps a recurrent state, which cannot join a running batch; "
        f"open it as vllm/{source.name}."
    )


def _why(error: Exception, source: Source, where: Mapping[str, Any], device: Any) -> Exception:
    """The error of this project for one of loading."""
    import torch

    words = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return BackendError(
            f"{source.title!r} does not fit into the memory of {device} ({words}); give a smaller dtype, a "
            "quantization, or another device."
        )
    if isinstance(error, ImportError):
        return BackendError(f"{source.title!r} needs a package that is not installed: {words}")
    if not where.get("local_files_only"):
        return BackendError(f"transformers does not load {source.name!r}: {type(error).__name__}: {words}")
    return BackendError(
        f"The model {source.name!r} is neither a folder or file here nor in the hub's local cache, and the "
        f"hub cannot be reached ({words}).{nearest(source.name)}"
    )


@contextlib.contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Lets transformers say nothing but errors while it loads, and draw no bars."""
    logs = transformers.utils.logging
    before, bars = logs.get_verbosity(), logs.is_progress_bar_enabled()
    logs.set_verbosity_error()
    logs.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logs.set_verbosity(before)
        if bars:
            logs.enable_progress_bar()
