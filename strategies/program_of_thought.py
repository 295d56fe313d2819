"""Reasoning as a program, whose run gives the answer."""

import re
from collections.abc import Mapping
from textwrap import indent
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from reasoning.backends.backend import Backend
from reasoning.completion import Completion
from reasoning.message import assistant, user
from reasoning.problem import Problem
from reasoning.request import Request
from sandbox.limits import Limits
from sandbox.outcome import Outcome
from sandbox.sandbox import Level, Sandbox
from strategies.exemplars import Exemplar
from strategies.path import Path
from strategies.prompting import PromptedStrategy
from strategies.scope import draw
from strategies.strategy import PathStrategyField

FENCED = re.compile(r"```[ \t]*+(\w*+)[^\n`]*+\n(.*?)(?:^```|\Z)", re.DOTALL | re.MULTILINE)
SYMBOLIC = " State the problem as equations and solve them with sympy; import from it what you need."


class ProgramOfThought(PromptedStrategy):
    """The model writes a Python program and the sandbox runs it (Chen et al. 2022; PAL, Gao et al. 2022).

    A program that fails is a path without an answer, and so is one cut at max_tokens.

    Attributes:
        shots: An exemplar set by name or path; the programs of the set show the form. None asks zero-shot.
        returns: Where the program leaves its answer: in `ans`, or as the value of `solution()`.
        symbolic: Asks for equations and sympy, shows the set "symbolic" unless `shots` says otherwise, and has sympy
            loaded, so that a program's import of it takes no time.
        repairs: How often a failed program goes back to the model, with its error and a hint.
        fallback: The path strategy that takes over where no program gave an answer; None leaves none.
        limits: What a program may use.
        level: How it is contained; a level that the machine cannot give is an error, never a weaker level.
        preload: Modules that programs find imported already. None is numpy and sympy where they are installed, loaded
            when the first program imports one of them.
    """

    shots: str | None = "word-problems"
    returns: Literal["ans", "solution()"] = "ans"
    symbolic: bool = False
    repairs: int = Field(default=0, ge=0, le=16)
    fallback: PathStrategyField | None = None
    limits: Limits = Limits()
    level: Level = "standard"
    preload: tuple[str, ...] | None = None

    default_max_tokens: ClassVar[int] = 512
    default_system: ClassVar[str] = (
        "Write a Python program that computes the answer to the question. "
        "Reply with the program alone, in one ```python block."
    )

    @model_validator(mode="before")
    @classmethod
    def _shows_equations(cls, fields: Any) -> Any:
        if isinstance(fields, Mapping) and fields.get("symbolic") is True and "shots" not in fields:
            return {**fields, "shots": "symbolic"}
        return fields

    @property
    def instruction(self) -> str:
        """The system message of a chat."""
        return super().instruction + (SYMBOLIC if self.symbolic and self.system is None else "")

    @property
    def lead(self) -> str:
        """A comment that announces the program."""
        return "\n# Python\n"

    @property
    def box(self) -> Sandbox:
        """Where programs run."""
        preload = self.preload
        if self.symbolic and "sympy" not in (preload or ()):
            preload = (*(preload or ()), "sympy")
        return Sandbox(limits=self.limits, level=self.level, preload=preload)

    def sampled(self, temperature: float) -> "ProgramOfThought":
        """This strategy, and its fallback, with that temperature where they have none."""
        sampled = super().sampled(temperature)
        if sampled.fallback is None:
            return sampled
        return sampled.model_copy(update={"fallback": sampled.fallback.sampled(temperature)})

    def with_logprobs(self, alternatives: int) -> "ProgramOfThought":
        """This strategy, and its fallback, with at least so many alternatives asked for at each token."""
        asking = super().with_logprobs(alternatives)
        if asking.fallback is None:
            return asking
        return asking.model_copy(update={"fallback": asking.fallback.with_logprobs(alternatives)})

    def exemplar_answer(self, exemplar: Exemplar) -> str:
        """The exemplar's program, in the form that `returns` asks for."""
        program = exemplar.program.strip()
        if self.returns == "ans":
            return program
        return f"def solution():\n{indent(program, '    ')}\n    return ans"

    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        """See `PathStrategy.path`."""
        asked = self.ask(problem, backend, hint=f"\n\nLeave the answer in {self._left}.")
        path = await self.attempt(problem, index, (await draw(backend, asked, index),))
        for _ in range(self.repairs):
            if path.status != "program_failed" or path.outcome is None:
                break
            asked = repair_request(asked, path.text, complaint(path.outcome))
            path = await self.attempt(problem, index, (*path.completions, await draw(backend, asked, index)))
        if path.status == "ok" or self.fallback is None:
            return path
        other = await self.fallback.path(problem, backend, index)
        return other.model_copy(update={"completions": (*path.completions, *other.completions)})

    @property
    def _left(self) -> str:
        return "the variable `ans`" if self.returns == "ans" else "the value that a function `solution()` returns"

    async def attempt(self, problem: Problem, index: int, completions: tuple[Completion, ...]) -> Path:
        """The path whose last completion is a program: runs it and reads its value."""
        broken = Path.broken(index, completions)
        if broken is not None:
            return broken
        program = program_in(completions[-1].text)
        if not program:
            return Path.without_answer(index, "no_answer", "the text holds no program", completions)
        outcome = await self.box.arun(program, returns=self.returns)
        seen = {"program": program, "outcome": outcome}
        if outcome.status != "ok":
            return Path.without_answer(index, "program_failed", failure_reason(outcome), completions, **seen)
        answer = await problem.kind.aparse(outcome.value)
        if answer is None:
            reason = f"the program's value is no {problem.kind.kind}"
            return Path.without_answer(index, "no_answer", reason, completions, **seen)
        return Path.answered(problem, index, completions, answer, rule="program", **seen)


def program_in(text: str) -> str:
    """The program in a model's text.

    Its last fenced block of Python; else its last block of any kind, since a block behind one of Python is as a rule
    what the program is said to print; the whole text where there is no fence.
    """
    blocks: list[tuple[str, str]] = FENCED.findall(text)
    named = [program for language, program in blocks if language.lower() in ("python", "python3", "py")]
    programs = named or [program for _, program in blocks] or [text]
    return programs[-1].strip("\n").rstrip()


def failure_reason(outcome: Outcome) -> str:
    """Why a program gave no value, in a few words."""
    return f"{outcome.status}: {_last_line(outcome.error)}" if outcome.error else str(outcome.status)


def complaint(outcome: Outcome) -> str:
    """What went wrong, for a model to repair its program by."""
    error = _last_line(outcome.error) if outcome.error else f"it ended with status {outcome.status}"
    return f"{error} {outcome.hint or ''}".strip()


def repair_request(asked: Request, text: str, complaint: str) -> Request:
    """The request, gone on with what was answered and what is wrong with it."""
    if asked.prompt is not None:
        prompt = f"{asked.prompt}{text.rstrip()}\n# The program failed: {complaint}\n# Corrected Python\n"
        return asked.model_copy(update={"prompt": prompt})
    ask = f"The program failed: {complaint}\nReply with the corrected program alone, in one ```python block."
    return asked.model_copy(update={"messages": (*asked.messages, assistant(text), user(ask))})


def _last_line(error: str) -> str:
    return error.strip().rpartition("\n")[2]
