"""A search over partial solutions."""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import ClassVar, Self

from pydantic import Field, field_validator

from reasoning.backends.backend import Backend
from reasoning.completion import Completion
from reasoning.message import system, user
from reasoning.problem import Problem
from reasoning.request import Request
from strategies.least_to_most import NUMBERING
from strategies.path import Path
from strategies.prompting import PromptedStrategy
from strategies.room import limited
from strategies.scope import degrade, draw, role

PROPOSE = (
    "Propose up to {count} different next steps towards the solution, one a line. Each is a single small step; do not "
    "go on past it."
)
EVALUATE = "Can these steps still lead to a right answer? Reply with one word: sure, likely or impossible."
CONCLUDE = "State the final answer in one sentence: The answer is <answer>."
UNREADABLE = "a verdict on a step could not be read as sure, likely or impossible: it counts nothing"
WORTH = {"sure": 20.0, "likely": 1.0, "impossible": 0.001}
"""How much a verdict on a state counts (Yao et al. 2023)."""
VERDICT_TOKENS = 16

State = tuple[str, ...]


class TreeOfThoughts(PromptedStrategy):
    """Breadth-first tree of thoughts with proposals and verdicts (Yao et al. 2023).

    At each of `depth` levels every kept state proposes next steps, each new state is judged "sure", "likely" or
    "impossible" several times, and the best `breadth` are kept; the best last state states the answer. It pays where
    solutions are built step by step and dead ends show early (24 points, countdown); it costs about
    depth · breadth · (1 + proposals · evaluations) calls. The role "judge" gives the verdicts where it is set. It takes
    no exemplars: `shots` stays None.

    Attributes:
        depth: Steps from the question to the answer.
        breadth: States kept at each level.
        proposals: Next steps asked of each state.
        evaluations: Verdicts on each state; verdict j of path i is draw i · evaluations + j.
    """

    depth: int = Field(default=3, ge=1, le=16)
    breadth: int = Field(default=3, ge=1, le=64)
    proposals: int = Field(default=4, ge=1, le=32)
    evaluations: int = Field(default=1, ge=1, le=16)

    default_max_tokens: ClassVar[int] = 256

    @field_validator("shots")
    @classmethod
    def _takes_none(cls, shots: str | None) -> str | None:
        if shots is not None:
            raise ValueError("a search over steps has no place for exemplars; leave it at none")
        return None

    def with_shots(self, shots: str, backend: Backend | None = None) -> Self:
        """This strategy: its requests are for steps and verdicts, which no exemplar set shows."""
        return self

    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        """See `PathStrategy.path`."""
        made: list[Completion] = []
        frontier: list[State] = [()]
        for _ in range(self.depth):
            proposals = await self._proposals(problem, backend, index, frontier)
            made += sorted(proposals, key=lambda proposed: proposed.failure is not None)
            if made[-1].failure is not None and (broken := Path.broken(index, tuple(made))) is not None:
                return broken  # a search without them would find something else another time
            grown = self._grown(frontier, proposals)
            if not grown:
                break
            frontier = await self._best(problem, backend, index, grown, made)
        answer = await draw(backend, self._asked(problem, backend, frontier[0], CONCLUDE), index)
        return await Path.aread(problem, index, (*made, answer))

    async def _proposals(
        self, problem: Problem, backend: Backend, index: int, frontier: Sequence[State]
    ) -> list[Completion]:
        """What is proposed at each state."""
        ask = PROPOSE.replace("{count}", str(self.proposals))
        requests = [self._asked(problem, backend, state, ask) for state in frontier]
        return await asyncio.gather(*(draw(backend, request, index) for request in requests))

    def _grown(self, frontier: Sequence[State], proposals: Sequence[Completion]) -> list[State]:
        """The states one step on, without doubles, in order of their parents and proposals."""
        grown: dict[State, None] = {}
        for state, proposed in zip(frontier, proposals, strict=True):
            grown.update(dict.fromkeys((*state, step) for step in proposed_steps(proposed.text, self.proposals)))
        return list(grown)

    async def _best(
        self, problem: Problem, backend: Backend, index: int, states: Sequence[State], made: list[Completion]
    ) -> list[State]:
        """The states that are worth most, the earlier of equals first."""
        judge = role(backend, "judge")
        draws = [index * self.evaluations + j for j in range(self.evaluations)]
        temperature = 0.0 if self.evaluations == 1 else self.sampling.temperature or 0.7
        requests = [self._asked(problem, judge, state, EVALUATE, temperature) for state in states]
        verdicts = await asyncio.gather(*(judge.complete(request, draws) for request in requests))
        for said in verdicts:
            made.extend(said)
        counts = [[verdict_worth(one.text) if one.failure is None else 0.0 for one in said] for said in verdicts]
        if not all(chain.from_iterable(counts)):
            degrade(backend, UNREADABLE)
        worth = [sum(of_state) for of_state in counts]
        order = sorted(range(len(states)), key=lambda at: (-worth[at], at))
        return [states[at] for at in order[: self.breadth]]

    def _asked(
        self, problem: Problem, backend: Backend, state: State, ask: str, temperature: float | None = None
    ) -> Request:
        steps = "".join(f"{number}. {step}\n" for number, step in enumerate(state, 1)) or "none yet\n"
        question = self.template.replace("{question}", problem.question)
        text = f"Problem: {question}\n\nSteps so far:\n{steps}\n{ask}"
        if self.form(backend) == "text":
            request = self.request(backend, prompt=f"{text}\n\n")
        else:
            before = (system(self.instruction),) if self.instruction else ()
            request = self.request(backend, messages=(*before, user(text)))
        if temperature is None:
            return request
        free = request.sampling.model_copy(update={"temperature": temperature, "max_tokens": None, "limit": "total"})
        verdict = limited(free, backend, VERDICT_TOKENS, chat=request.prompt is None)
        return request.model_copy(update={"sampling": verdict})


def proposed_steps(text: str, most: int) -> list[str]:
    """The steps that a text proposes, one a line."""
    lines = (NUMBERING.sub("", line).strip() for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if line))[:most]


def verdict_worth(text: str) -> float:
    """What a verdict counts; one that is none of the three counts nothing."""
    words = text.lower().replace(".", " ").replace("*", " ").split()
    return next((WORTH[word] for word in words if word in WORTH), 0.0)
