"""Model folders for engines that read no GGUF: the embedded model converted once, and tiny models made on the spot.

All are kept under `.cache/models` in the repository. A folder appears there whole or not at all, and its name changes
with this file and with the weights, so that none is ever out of date.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from reasoning.backends.llama_cpp.embedded import embedded_model
from reasoning.backends.llama_cpp.gguf import sha256

CACHE = Path(__file__).parent.parent.parent / ".cache" / "models"
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def embedded_folder(dtype: str = "bfloat16") -> Path:
    """The embedded model as a transformers folder with tokenizer and chat template, its weights unpacked to `dtype`.

    Args:
        dtype: `"bfloat16"`, `"float16"` or `"float32"`.
    """
    gguf = embedded_model()

    def make(folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=getattr(torch, dtype))
        for name in ("hf_quantizer", "quantization_method"):
            if hasattr(model, name):
                setattr(model, name, None)
        model.is_quantized = False
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
        config = json.loads((folder / "config.json").read_text())
        config.pop("quantization_config", None)
        (folder / "config.json").write_text(json.dumps(config, indent=2))

    return _kept(f"smollm2-135m-{dtype}-{sha256(gguf)[:8]}", make)


def tiny_folder(kind: Literal["dense", "moe"], seed: int = 0) -> Path:
    """A tiny model with random weights (float32), a tokenizer of bytes and a chat template.

    Args:
        kind: A Llama, or a mixture of 4 experts of which 2 are active (Qwen3).
        seed: Of the weights.
    """

    def make(folder: Path) -> None:
        import torch

        tokenizer = _byte_tokenizer()
        torch.manual_seed(seed)
        model = _tiny_model(kind, tokenizer)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    return _kept(f"tiny-{kind}-{seed}", make)


def without_template(folder: Path, into: Path) -> Path:
    """A copy of a model folder with its chat template taken out."""
    into.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.suffix == ".safetensors":
            (into / file.name).symlink_to(file)
        elif file.name != "chat_template.jinja":
            shutil.copy(file, into / file.name)
    settings = into / "tokenizer_config.json"
    kept = {name: value for name, value in json.loads(settings.read_text()).items() if name != "chat_template"}
    settings.write_text(json.dumps(kept, indent=2))
    return into


def _tiny_model(kind: Literal["dense", "moe"], tokenizer: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

    common = {
        "vocab_size": 320,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "max_position_embeddings": 512,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if kind == "dense":
        return LlamaForCausalLM(LlamaConfig(**common))
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 64, "decoder_sparse_step": 1}
    return Qwen3MoeForCausalLM(Qwen3MoeConfig(**common, **experts))


def _byte_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytewise = Tokenizer(models.BPE(vocab={text: at for at, text in enumerate([*special, *letters])}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytewise,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        model_max_length=512,
    )
    tokenizer.chat_template = CHATML
    return tokenizer


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    folder = CACHE / f"{name}-{recipe}"
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=CACHE, prefix=".making-"))
        try:
            make(making)
            making.chmod(0o755)
            making.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder
