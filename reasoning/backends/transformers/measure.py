"""What a loaded model amounts to: the tokens that end its texts, how much of it fits at once, its fact sheet."""

from typing import Any

import torch

from reasoning.backends.facts import ModelFacts
from reasoning.backends.model_files import experts
from reasoning.backends.transformers.engine import Limits
from reasoning.backends.transformers.loading import free_bytes
from reasoning.backends.transformers.options import TransformersOptions

_ROWS = {"cpu": 32}
_ROWS_GPU = 256
_SHARE = {"cpu": 0.5}
_SHARE_GPU = 0.9
_NEUTRAL = {"repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "encoder_repetition_penalty": 1.0}


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """The token ids that end a text: those of the generation config, the model's config and the tokenizer."""
    text = model.config.get_text_config(decoder=True)
    found: set[int] = set()
    for ids in (model.generation_config.eos_token_id, text.eos_token_id, tokenizer.eos_token_id):
        found.update(ids if isinstance(ids, list | tuple) else [] if ids is None else [ids])
    return frozenset(found)


def is_exact(model: Any) -> bool:
    """Whether a draw is the same alone and in any company: see `batch`.

    Not for a mixture of experts: where two experts are nearly as likely for a token, a rounding error can change the
    choice, and with it the logits by more than any margin.
    """
    return (
        model.device.type == "cpu"
        and model.dtype == torch.float32
        and not getattr(model, "is_quantized", False)
        and not _experts(model)[0]
    )


def limits(model: Any, options: TransformersOptions) -> Limits:
    """How much is decoded at once: as asked, else what fits."""
    kind = model.device.type
    room = int(free_bytes(model.device) * _SHARE.get(kind, _SHARE_GPU))
    tokens = options.batch_tokens or max(room // _bytes_per_token(model), 1)
    return Limits(rows=options.max_batch or _ROWS.get(kind, _ROWS_GPU), tokens=tokens)


def facts(model: Any, context_tokens: int | None) -> ModelFacts:
    """The model's fact sheet, without its peak of memory."""
    whole = model.num_parameters()
    return ModelFacts(
        parameters=whole,
        active_parameters=whole - _idle(model),
        context_tokens=context_tokens,
        precision=precision(model),
        weights="open",
    )


def precision(model: Any) -> str:
    """The weights' number format, e.g. `"bfloat16"` or `"bitsandbytes (bfloat16)"`."""
    dtype = str(model.dtype).removeprefix("torch.")
    quantization = getattr(model.config, "quantization_config", None) if _quantized(model) else None
    if quantization is None:
        return dtype
    method = quantization.get("quant_method") if isinstance(quantization, dict) else quantization.quant_method
    return f"{getattr(method, 'value', method)} ({dtype})"


def settings_left_out(model: Any) -> tuple[str, ...]:
    """What the model's generation config would do to a text, and this backend does not."""
    config = model.generation_config
    found = {name: getattr(config, name, None) for name in _NEUTRAL}
    return tuple(
        f"The model's generation config has {name}={value}, which is not applied."
        for name, value in found.items()
        if value is not None and value != _NEUTRAL[name]
    )


def _quantized(model: Any) -> bool:
    """A GGUF's weights are unpacked when they are loaded; its config still names what they were."""
    config = getattr(model.config, "quantization_config", None)
    method = config.get("quant_method") if isinstance(config, dict) else getattr(config, "quant_method", None)
    return config is not None and str(getattr(method, "value", method)) != "gguf"


def _experts(model: Any) -> tuple[int, int]:
    text = model.config.get_text_config(decoder=True)
    return experts(lambda name: getattr(text, name, None))


def _idle(model: Any) -> int:
    """Weights of the experts that take no part in a token."""
    count, active = _experts(model)
    if not count or not active:
        return 0
    theirs = sum(weight.numel() for name, weight in model.named_parameters() if ".experts." in name)
    return int(theirs * (count - active) / count)


def _bytes_per_token(model: Any) -> int:
    text = model.config.get_text_config(decoder=True)
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return int(2 * text.num_hidden_layers * heads * size * model.dtype.itemsize)
