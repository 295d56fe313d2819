"""Inference-time reasoning strategies for LLMs: what a model call is, and the public face of all four packages.

Names are imported when they are first used, so that `import reasoning` is fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.item import Item
    from evals.run import Run, load_run
    from evals.runner import evaluate
    from evals.task import Task
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
    from sandbox.limits import Limits
    from sandbox.sandbox import Sandbox
    from strategies.best_of_n import BestOfN
    from strategies.budget_forcing import BudgetForcing
    from strategies.chain_of_thought import ChainOfThought
    from strategies.direct import Direct
    from strategies.ensemble import Ensemble
    from strategies.least_to_most import LeastToMost
    from strategies.path import Path
    from strategies.plan_and_solve import PlanAndSolve
    from strategies.program_of_thought import ProgramOfThought
    from strategies.result import Result
    from strategies.scope import draw
    from strategies.self_consistency import SelfConsistency
    from strategies.self_refine import SelfRefine
    from strategies.stopping import Adaptive, Fixed, TokenLimit, Window
    from strategies.strategy import PathStrategy, Strategy
    from strategies.tally import Tally
    from strategies.tree_of_thoughts import TreeOfThoughts
    from strategies.universal_self_consistency import UniversalSelfConsistency
    from strategies.voting import Majority

_NAMES = {
    "Adaptive": "strategies.stopping",
    "Backend": "reasoning.backends.backend",
    "BestOfN": "strategies.best_of_n",
    "Budget": "reasoning.budget",
    "BudgetForcing": "strategies.budget_forcing",
    "Capabilities": "reasoning.backends.backend",
    "ChainOfThought": "strategies.chain_of_thought",
    "Completion": "reasoning.completion",
    "Direct": "strategies.direct",
    "Ensemble": "strategies.ensemble",
    "Failure": "reasoning.completion",
    "Fixed": "strategies.stopping",
    "Item": "evals.item",
    "LeastToMost": "strategies.least_to_most",
    "Limits": "sandbox.limits",
    "Logprobs": "reasoning.completion",
    "Majority": "strategies.voting",
    "Message": "reasoning.message",
    "Paid": "reasoning.budget",
    "Path": "strategies.path",
    "PathStrategy": "strategies.strategy",
    "PlanAndSolve": "strategies.plan_and_solve",
    "Problem": "reasoning.problem",
    "ProgramOfThought": "strategies.program_of_thought",
    "ReasoningError": "reasoning.errors",
    "Request": "reasoning.request",
    "Result": "strategies.result",
    "Run": "evals.run",
    "Sampling": "reasoning.sampling",
    "Sandbox": "sandbox.sandbox",
    "Scripted": "reasoning.backends.scripted",
    "SelfConsistency": "strategies.self_consistency",
    "SelfRefine": "strategies.self_refine",
    "SpendLimit": "reasoning.budget",
    "Strategy": "strategies.strategy",
    "Tally": "strategies.tally",
    "Task": "evals.task",
    "TokenLimit": "strategies.stopping",
    "TreeOfThoughts": "strategies.tree_of_thoughts",
    "UniversalSelfConsistency": "strategies.universal_self_consistency",
    "Usage": "reasoning.usage",
    "Window": "strategies.stopping",
    "draw": "strategies.scope",
    "evaluate": "evals.runner",
    "load_run": "evals.run",
    "open_backend": "reasoning.backends.opening",
}
_MODULES = {"answer", "errors"}

__all__ = [
    "Adaptive",
    "Backend",
    "BestOfN",
    "Budget",
    "BudgetForcing",
    "Capabilities",
    "ChainOfThought",
    "Completion",
    "Direct",
    "Ensemble",
    "Failure",
    "Fixed",
    "Item",
    "LeastToMost",
    "Limits",
    "Logprobs",
    "Majority",
    "Message",
    "Paid",
    "Path",
    "PathStrategy",
    "PlanAndSolve",
    "Problem",
    "ProgramOfThought",
    "ReasoningError",
    "Request",
    "Result",
    "Run",
    "Sampling",
    "Sandbox",
    "Scripted",
    "SelfConsistency",
    "SelfRefine",
    "SpendLimit",
    "Strategy",
    "Tally",
    "Task",
    "TokenLimit",
    "TreeOfThoughts",
    "UniversalSelfConsistency",
    "Usage",
    "Window",
    "draw",
    "evaluate",
    "load_run",
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
