"""What makes two transformers models the same for the store."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reasoning.backends.llama_cpp.gguf import sha256
from reasoning.backends.model_files import folder_identity
from reasoning.backends.transformers.options import TransformersOptions
from reasoning.backends.transformers.source import Source


def identity(
    files: Source, commit: str | None, options: TransformersOptions, *, precision: str, device: str
) -> Mapping[str, Any]:
    """The identity of a model: its files or its commit, its precision, the device, and the chat template in force.

    The context and the batch are no part of it: a draw that the one cuts short is a failure, and the other makes no
    difference that could be told beforehand.
    """
    found: dict[str, Any] = {"engine": "transformers", **_files(files, commit), "dtype": precision, "device": device}
    if isinstance(options.quantization, Mapping):
        found["quantization"] = dict(options.quantization)
    elif options.quantization is not None:
        found["quantization"] = options.quantization
    if options.chat_template is not None:
        found["chat_template"] = f"sha256:{hashlib.sha256(options.chat_template.encode()).hexdigest()}"
    if options.attn_implementation is not None:
        found["attn_implementation"] = options.attn_implementation
    if options.trust_remote_code:
        found["trust_remote_code"] = True
    if options.think_tags is not True:
        found["think_tags"] = options.think_tags
    if options.template_args:
        found["template_args"] = dict(options.template_args)
    return found


def _files(files: Source, commit: str | None) -> dict[str, Any]:
    if files.gguf_path is not None:
        return {"weights": f"sha256:{sha256(files.gguf_path)}"}
    if files.local:
        return dict(folder_identity(Path(files.name)))
    found = {"model": files.name, "commit": commit or "unknown"}
    return found | ({"gguf_file": files.gguf} if files.gguf else {})
