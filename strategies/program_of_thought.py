"""Reasoning as a program, whose run gives the answer."""

import re
from textwrap import indent
from typing import ClassVar, Literal

from reasoning.backends.backend import Backend
from reasoning.problem import Problem
from sandbox.limits import Limits
from sandbox.sandbox import Level, Sandbox
from strategies.exemplars import Exemplar
from strategies.path import Path
from strategies.prompting import PromptedStrategy
from strategies.scope import draw

FENCED = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:\n```|\Z)", re.DOTALL | re.IGNORECASE)


class ProgramOfThought(PromptedStrategy):
    """The model writes a Python program and the sandbox runs it (Chen et al. 2022; PAL, Gao et al. 2022).

    A program that fails is a path without an answer, and so is one cut at max_tokens.

    Attributes:
        shots: An exemplar set by name or path; the programs of the set show the form.
        returns: Where the program leaves its answer: in `ans`, or as the value of `solution()`.
        limits: What a program may use.
        level: How it is contained; a level that the machine cannot give is an error, never a weaker level.
        preload: Modules that programs find imported already.
    """

    shots: str | None = "word-problems"
    returns: Literal["ans", "solution()"] = "ans"
    limits: Limits = Limits()
    level: Level = "standard"
    preload: tuple[str, ...] = ()

    default_max_tokens: ClassVar[int] = 512
    default_system: ClassVar[str] = (
        "Write a Python program that computes the answer to the question. "
        "Reply with the program alone, in one ```python block."
    )

    @property
    def lead(self) -> str:
        """A comment that announces the program."""
        return "\n# Python\n"

    def exemplar_answer(self, exemplar: Exemplar) -> str:
        """The exemplar's program, in the form that `returns` asks for."""
        program = exemplar.program.strip()
        if self.returns == "ans":
            return program
        return f"def solution():\n{indent(program, '    ')}\n    return ans"

    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        """See `PathStrategy.path`."""
        left = "the variable `ans`" if self.returns == "ans" else "the value that a function `solution()` returns"
        asked = self.ask(problem, backend, hint=f"\n\nLeave the answer in {left}.")
        written = (await draw(backend, asked, index),)
        broken = Path.broken(index, written)
        if broken is not None:
            return broken
        program = program_in(written[0].text)
        if not program:
            return Path.without_answer(index, "no_answer", "the text holds no program", written)
        box = Sandbox(limits=self.limits, level=self.level, preload=self.preload)
        outcome = await box.arun(program, returns=self.returns)
        seen = {"program": program, "outcome": outcome}
        if outcome.status != "ok":
            reason = f"{outcome.status}: {outcome.error}" if outcome.error else str(outcome.status)
            return Path.without_answer(index, "program_failed", reason, written, **seen)
        answer = problem.kind.parse(outcome.value)
        if answer is None:
            reason = f"the program's value is no {problem.kind.kind}"
            return Path.without_answer(index, "no_answer", reason, written, **seen)
        return Path.answered(problem, index, written, answer, rule="program", **seen)


def program_in(text: str) -> str:
    """The program in a model's text: its last fenced block, or the whole text where there is no fence."""
    blocks = FENCED.findall(text)
    return (blocks[-1] if blocks else text).strip("\n").rstrip()
