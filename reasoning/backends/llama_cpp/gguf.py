"""Reads what a GGUF file says of itself, without the engine (format: ggml's docs/gguf.md, versions 2 and 3)."""

import hashlib
import mmap
import struct
from collections import Counter
from collections.abc import Mapping
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from reasoning.errors import ConfigError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_TENSOR_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    6: "Q5_0",
    7: "Q5_1",
    8: "Q8_0",
    10: "Q2_K",
    11: "Q3_K",
    12: "Q4_K",
    13: "Q5_K",
    14: "Q6_K",
    16: "IQ2_XXS",
    17: "IQ2_XS",
    18: "IQ3_XXS",
    19: "IQ1_S",
    20: "IQ4_NL",
    21: "IQ3_S",
    22: "IQ2_S",
    23: "IQ4_XS",
    28: "F64",
    29: "IQ1_M",
    30: "BF16",
    39: "MXFP4",
}


class GgufHeader(BaseModel):
    """What a GGUF file says of itself.

    Attributes:
        architecture: The model's architecture, e.g. `"llama"`.
        context_tokens: The context length it was trained for, in tokens; None where the file does not say.
        chat_template: Its Jinja chat template; None for a model without one.
        matrix_types: The types of its weight matrices, the one with most weights first, e.g. `("Q4_1", "Q8_0")`.
        parameters: Its weights in all.
        active_parameters: Those that take part in one token: fewer for a mixture of experts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str
    context_tokens: int | None
    chat_template: str | None
    matrix_types: tuple[str, ...]
    parameters: int = 0
    active_parameters: int = 0


def read_header(path: Path) -> GgufHeader:
    """The header of a GGUF file.

    Raises:
        ConfigError: No such file, or not a whole GGUF header of a version that is known here.
    """
    if not path.is_file():
        raise ConfigError(f"There is no model file {str(path)!r}; give the path of a GGUF file.")
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ConfigError(
                f"The file {str(path)!r} is no GGUF file (it does not start with 'GGUF'); convert it first."
            )
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _header(_Reader(data))
            except (struct.error, KeyError, ValueError, OverflowError) as error:
                raise ConfigError(
                    f"The GGUF header of {str(path)!r} cannot be read ({error}); the file is damaged, cut short or of "
                    "an unknown version: fetch it again."
                ) from error


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex; computed once a process for a file that has not changed (0.1 s for 100 MB)."""
    stat = path.stat()
    return _sha256(path.resolve(), stat.st_mtime_ns, stat.st_size)


@cache
def _sha256(path: Path, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Reader:
    """Walks little-endian values."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._at = data, 4

    def number(self, code: str) -> Any:
        value = struct.unpack_from(f"<{code}", self._data, self._at)[0]
        self._at += struct.calcsize(f"<{code}")
        return value

    def string(self) -> bytes:
        start = self._at + 8
        self._at = start + self.number("Q")
        if self._at > len(self._data):
            raise ValueError("it ends inside a string")
        return self._data[start : self._at]

    def value(self, kind: int) -> Any:
        """One value; an array gives None, for none is needed and vocabularies are long."""
        if kind == _STRING:
            return self.string().decode("utf-8", "replace")
        if kind != _ARRAY:
            return self.number(_SCALARS[kind])
        inner, count = self.number("I"), self.number("Q")
        if inner == _STRING:
            at, length = self._at, struct.Struct("<Q")
            for _ in range(count):
                at += 8 + length.unpack_from(self._data, at)[0]
            self._at = at
        elif inner == _ARRAY:
            for _ in range(count):
                self.value(inner)
        else:
            self._at += count * struct.calcsize(f"<{_SCALARS[inner]}")
        return None


def _header(reader: _Reader) -> GgufHeader:
    version = reader.number("I")
    if version not in (2, 3):
        raise ValueError(f"version {version}")
    tensors, pairs = reader.number("Q"), reader.number("Q")
    values: Mapping[str, Any] = {
        reader.string().decode("utf-8", "replace"): reader.value(reader.number("I")) for _ in range(pairs)
    }
    weights: Counter[str] = Counter()
    parameters = in_experts = 0
    for _ in range(tensors):
        name = reader.string()
        shape = [reader.number("Q") for _ in range(reader.number("I"))]
        kind = reader.number("I")
        reader.number("Q")
        parameters += prod(shape)
        if b"_exps." in name:  # all experts of a layer are one tensor
            in_experts += prod(shape)
        if len(shape) > 1:
            weights[_TENSOR_TYPES.get(kind, f"type {kind}")] += prod(shape)
    architecture = values["general.architecture"]
    experts, used = (values.get(f"{architecture}.{key}") for key in ("expert_count", "expert_used_count"))
    idle = in_experts - in_experts * used // experts if experts and used else 0
    return GgufHeader(
        architecture=architecture,
        context_tokens=values.get(f"{architecture}.context_length"),
        chat_template=values.get("tokenizer.chat_template"),
        matrix_types=tuple(name for name, _ in weights.most_common()),
        parameters=parameters,
        active_parameters=parameters - idle,
    )
