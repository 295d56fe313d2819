"""Inference-time reasoning strategies for LLMs: what a model call is, and the public face of all four packages.

Names are imported when they are first used, so that `import reasoning` is fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reasoning.backends.backend import Backend, Capabilities
    from reasoning.backends.opening import open_backend
    from reasoning.backends.scripted import Scripted
    from reasoning.budget import Budget, Paid, SpendLimit
    from reasoning.completion import Completion, Failure, Logprobs
    from reasoning.errors import ReasoningError
    from reasoning.message import Message
    from reasoning.problem import Problem
    from reasoning.request import Request
    from reasoning.sampling import Sampling
    from reasoning.usage import Usage
    from strategies.chain_of_thought import ChainOfThought
    from strategies.direct import Direct
    from strategies.path import Path
    from strategies.program_of_thought import ProgramOfThought
    from strategies.result import Result
    from strategies.scope import draw
    from strategies.self_consistency import SelfConsistency
    from strategies.stopping import Adaptive, Fixed, TokenLimit, Window
    from strategies.strategy import PathStrategy, Strategy
    from strategies.tally import Tally
    from strategies.voting import Majority

_NAMES = {
    "Adaptive": "strategies.stopping",
    "Backend": "reasoning.backends.backend",
    "Budget": "reasoning.budget",
    "Capabilities": "reasoning.backends.backend",
    "ChainOfThought": "strategies.chain_of_thought",
    "Completion": "reasoning.completion",
    "Direct": "strategies.direct",
    "Failure": "reasoning.completion",
    "Fixed": "strategies.stopping",
    "Logprobs": "reasoning.completion",
    "Majority": "strategies.voting",
    "Message": "reasoning.message",
    "Paid": "reasoning.budget",
    "Path": "strategies.path",
    "PathStrategy": "strategies.strategy",
    "Problem": "reasoning.problem",
    "ProgramOfThought": "strategies.program_of_thought",
    "ReasoningError": "reasoning.errors",
    "Request": "reasoning.request",
    "Result": "strategies.result",
    "Sampling": "reasoning.sampling",
    "Scripted": "reasoning.backends.scripted",
    "SelfConsistency": "strategies.self_consistency",
    "SpendLimit": "reasoning.budget",
    "Strategy": "strategies.strategy",
    "Tally": "strategies.tally",
    "TokenLimit": "strategies.stopping",
    "Usage": "reasoning.usage",
    "Window": "strategies.stopping",
    "draw": "strategies.scope",
    "open_backend": "reasoning.backends.opening",
}
_MODULES = {"answer", "errors"}

__all__ = [
    "Adaptive",
    "Backend",
    "Budget",
    "Capabilities",
    "ChainOfThought",
    "Completion",
    "Direct",
    "Failure",
    "Fixed",
    "Logprobs",
    "Majority",
    "Message",
    "Paid",
    "Path",
    "PathStrategy",
    "Problem",
    "ProgramOfThought",
    "ReasoningError",
    "Request",
    "Result",
    "Sampling",
    "Scripted",
    "SelfConsistency",
    "SpendLimit",
    "Strategy",
    "Tally",
    "TokenLimit",
    "Usage",
    "Window",
    "draw",
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
