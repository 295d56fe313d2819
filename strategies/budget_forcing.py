"""A budget of thinking that is enforced: the model is held back from stopping early, and stopped when it is spent."""

from typing import ClassVar

from pydantic import Field

from reasoning.backends.backend import Backend
from reasoning.completion import Completion
from reasoning.message import assistant
from reasoning.problem import Problem
from reasoning.request import Request
from strategies.chain_of_thought import THINK
from strategies.path import Path
from strategies.scope import degrade, draw
from strategies.two_stage import TwoStage, conclude

WAIT = "\nWait,"
NO_PREFILL = "the backend does not go on from an answer's beginning: no budget was forced"


class BudgetForcing(TwoStage):
    """s1's budget forcing (Muennighoff et al. 2025): "Wait" is added where the model would stop thinking.

    The thoughts go on from where they stopped, so the backend must take plain text or a prefill; on one that takes
    neither, the path is an ordinary chain of thought, on the record.

    Attributes:
        waits: How often a model that stops thinking is told to wait.
        budget: Completion tokens for all thoughts together; at their end the answer is asked for.
    """

    waits: int = Field(default=1, ge=0, le=16)
    budget: int = Field(default=1024, ge=16)

    default_system: ClassVar[str] = "Think about the problem step by step before you answer."

    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        """See `PathStrategy.path`."""
        text = self.form(backend) == "text"
        if not (text or backend.capabilities.prefill):
            degrade(backend, NO_PREFILL)
            return await self.think_and_conclude(problem, backend, index, THINK)
        first = self.ask(problem, backend, lead=f"{self.lead} {THINK}", hint=f"\n\n{THINK}")
        thoughts: tuple[Completion, ...] = ()
        thought, left = "", self.budget
        for _ in range(self.waits + 1):
            asked = _going_on(first, thought, left)
            said = await draw(backend, asked, index)
            thoughts += (said,)
            if said.finish not in {"stop", "length"}:
                break
            thought += said.text
            left -= said.usage.completion_tokens
            if said.finish == "length" or left <= 0:
                break
            thought += WAIT
        if said.finish not in {"stop", "length"} and (broken := Path.broken(index, thoughts)) is not None:
            return broken
        whole = said.model_copy(update={"text": thought.removesuffix(WAIT)})
        concluded = await conclude(problem, backend, index, first, (whole,))
        return concluded.model_copy(update={"completions": (*thoughts, *concluded.completions[1:])})


def _going_on(first: Request, thought: str, left: int) -> Request:
    """The first request, gone on from the thoughts so far, with the tokens that are left."""
    sampling = first.sampling.model_copy(update={"max_tokens": max(1, left)})
    if first.prompt is not None:
        return Request(prompt=first.prompt + thought, sampling=sampling)
    messages = (*first.messages, assistant(thought)) if thought else first.messages
    return Request(messages=messages, sampling=sampling)
