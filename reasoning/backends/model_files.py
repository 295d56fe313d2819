"""What a model folder says of itself, without an engine: which files make the model, and how large it is."""

import hashlib
import json
import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reasoning.backends.llama_cpp.gguf import sha256

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf")
_SETTINGS = ("config.json", "generation_config.json", "params.json")
_TOKENIZER = re.compile(
    r"(tokenizer.*|vocab\..*|merges\.txt|special_tokens_map\.json|added_tokens\.json|chat_template\..*|tekken\.json"
    r"|spiece\.model|sentencepiece.*\.model)"
)
_IN_EXPERT = re.compile(r"\.experts\.")
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
_USED = (
    *("num_experts_per_tok", "num_experts_per_token", "experts_per_token"),
    *("moe_k", "moe_topk", "moe_top_k", "top_k_experts"),
)


def folder_identity(folder: Path) -> dict[str, str]:
    """Hashes that tell models apart: of the weights with their configuration, and of the tokenizer with its template.

    Computed once a process for files that have not changed (0.5 s a GB).
    """
    files = sorted(file for file in folder.iterdir() if file.is_file())
    weights = (file for file in files if file.suffix in _WEIGHTS or file.name in _SETTINGS)
    tokenizer = (file for file in files if file.suffix not in _WEIGHTS and _TOKENIZER.fullmatch(file.name))
    return {"weights": _digest(weights), "tokenizer": _digest(tokenizer)}


def _digest(files: Iterable[Path]) -> str:
    names = "".join(f"{file.name} {sha256(file)}\n" for file in files)
    return f"sha256:{hashlib.sha256(names.encode()).hexdigest()}"


def parameters(folder: Path) -> tuple[int, int] | None:
    """The weights in all, and those that take part in one token: fewer for a mixture of experts.

    Read from the heads of the folder's safetensors files; None where there are none, or where packed weights hide how
    many there are.
    """
    config = _json(folder / "config.json")
    files = sorted(folder.glob("*.safetensors"))
    if not files or "quantization_config" in config:
        return None
    total = in_experts = 0
    for name, shape in (pair for file in files for pair in _shapes(file)):
        count = 1
        for size in shape:
            count *= size
        total += count
        in_experts += count if _IN_EXPERT.search(name) else 0
    text = {**config, **config.get("text_config", {})}
    count, used = experts(text.get)
    idle = in_experts - in_experts * used // count if count and used else 0
    return total, total - idle


def experts(setting: Callable[[str], Any]) -> tuple[int, int]:
    """The experts of a layer, and those of them that take part in a token; 0 where a model's config names none.

    Args:
        setting: Gives a setting of the config by its name, None where there is none; a list has one for each layer.
    """

    def named(names: Iterable[str]) -> int:
        found = next(filter(None, map(setting, names)), 0)
        return int(max(found) if isinstance(found, Sequence) else found)

    return named(_EXPERTS), named(_USED)


def _shapes(file: Path) -> Iterable[tuple[str, list[int]]]:
    """Format: 8 bytes of length, little-endian, then so much JSON."""
    with file.open("rb") as data:
        (length,) = struct.unpack("<Q", data.read(8))
        head = json.loads(data.read(length))
    return [(name, entry["shape"]) for name, entry in head.items() if name != "__metadata__"]


def _json(file: Path) -> Mapping[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
