"""Paths and backends for tests of strategies."""

from fractions import Fraction

from reasoning.backends.backend import Capabilities
from reasoning.backends.scripted import Script, Scripted, ScriptedOptions
from reasoning.problem import Problem
from reasoning.usage import Usage
from strategies.path import Path

PROBLEM = Problem(id="p", question="How many?")


def voted(*answers: int | str | None) -> list[Path]:
    """Paths with these answers, in index order; None abstains."""
    return [
        Path.without_answer(index, "no_answer", "none")
        if answer is None
        else Path.answered(PROBLEM, index, (), Fraction(answer))
        for index, answer in enumerate(answers)
    ]


def scripted(script: Script, **capabilities: object) -> Scripted:
    """A backend with a script, taking text and chat."""
    able = {"text": True, "seed": True, "max_samples": 64, "thinks": False, "reproducible": "exact", "concurrency": 64}
    able |= capabilities
    return Scripted(script, ScriptedOptions(capabilities=Capabilities(**able)))


def usage(prompt: int, completion: int) -> Usage:
    """A usage of so many tokens."""
    return Usage(prompt_tokens=prompt, completion_tokens=completion)
