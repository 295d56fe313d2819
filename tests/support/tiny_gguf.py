"""GGUF files of a few hundred bytes: a header as llama.cpp's converter writes it, and no weights behind it."""

import struct
from collections.abc import Mapping
from pathlib import Path

Shape = tuple[int, ...]
F32, Q8_0 = 0, 8


def dense(path: Path) -> Path:
    """One layer of a Llama with 16-wide states and 32 tokens."""
    return write(path, {**_common("llama")}, {**_attention(), "blk.0.ffn_up.weight": ((16, 64), Q8_0)})


def mixture(path: Path, experts: int = 4, used: int = 2) -> Path:
    """The same with a mixture of experts in place of its feed-forward layer."""
    told = {**_common("qwen3moe"), "qwen3moe.expert_count": experts, "qwen3moe.expert_used_count": used}
    experts_of_a_layer = {
        "blk.0.ffn_up_exps.weight": ((16, 64, experts), Q8_0),
        "blk.0.ffn_gate_inp.weight": ((16, 4), F32),
    }
    return write(path, told, {**_attention(), **experts_of_a_layer})


def write(path: Path, told: Mapping[str, str | int], tensors: Mapping[str, tuple[Shape, int]]) -> Path:
    """Writes a header of version 3: key-value pairs, and each tensor's name, shape and type."""
    parts = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(told))]
    for key, value in told.items():
        parts.append(_string(key))
        parts.append(struct.pack("<I", 8) + _string(value) if isinstance(value, str) else struct.pack("<II", 4, value))
    for name, (shape, kind) in tensors.items():
        parts.append(_string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, 0))
    path.write_bytes(b"".join(parts))
    return path


def _common(architecture: str) -> dict[str, str | int]:
    return {"general.architecture": architecture, f"{architecture}.context_length": 512}


def _attention() -> dict[str, tuple[Shape, int]]:
    return {
        "token_embd.weight": ((16, 32), Q8_0),
        "blk.0.attn_q.weight": ((16, 16), Q8_0),
        "output_norm.weight": ((16,), F32),
    }


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()
