"""Inference-time reasoning strategies for LLMs: what a model call is, and the public face of all four packages.

Names are imported when they are first used, so that `import reasoning` is fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reasoning.backends.backend import Backend, Capabilities
    from reasoning.backends.opening import open_backend
    from reasoning.backends.scripted import Scripted
    from reasoning.completion import Completion, Failure, Logprobs
    from reasoning.errors import ReasoningError
    from reasoning.message import Message
    from reasoning.problem import Problem
    from reasoning.request import Request
    from reasoning.sampling import Sampling
    from reasoning.usage import Usage

_NAMES = {
    "Backend": "reasoning.backends.backend",
    "Capabilities": "reasoning.backends.backend",
    "Completion": "reasoning.completion",
    "Failure": "reasoning.completion",
    "Logprobs": "reasoning.completion",
    "Message": "reasoning.message",
    "Problem": "reasoning.problem",
    "ReasoningError": "reasoning.errors",
    "Request": "reasoning.request",
    "Sampling": "reasoning.sampling",
    "Scripted": "reasoning.backends.scripted",
    "Usage": "reasoning.usage",
    "open_backend": "reasoning.backends.opening",
}
_MODULES = {"answer", "errors"}

__all__ = [
    "Backend",
    "Capabilities",
    "Completion",
    "Failure",
    "Logprobs",
    "Message",
    "Problem",
    "ReasoningError",
    "Request",
    "Sampling",
    "Scripted",
    "Usage",
    "open_backend",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"reasoning.{name}")
    raise AttributeError(f"module 'reasoning' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
