"""A budget of thinking that is enforced: the model is held back from stopping early, and stopped when it is spent."""

from typing import ClassVar

from pydantic import Field

from reasoning.backends.backend import Backend
from reasoning.completion import Completion
from reasoning.message import assistant
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.chain_of_thought import THINK
from strategies.path import Path
from strategies.room import thinks
from strategies.scope import degrade, draw
from strategies.two_stage import ANSWER_TOKENS, TwoStage, conclude

WAIT = "\nWait,"
OPEN, CLOSE = "<think>", "</think>"
FINAL = "Final answer:"
NO_PREFILL = "the backend does not go on from an answer's beginning: no budget was forced"
NOT_INSIDE = (
    "the model thinks, and the backend does not go on from inside its thoughts: no waits were forced, and a budget is "
    "the server's to keep to (thinking_tokens)"
)


class BudgetForcing(TwoStage):
    """s1's budget forcing (Muennighoff et al. 2025): "Wait" is added where the model would stop thinking.

    A model that thinks is forced inside its thoughts: they go on from where they stopped, and the answer is asked for
    behind them. Of any other model the text is the thought, so the backend must take plain text or a prefill. Where a
    backend can do neither, the path is an ordinary one, on the record; the budget of a model that thinks is then sent
    to the server.

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
        if not text and thinks(backend, self.sampling):
            if backend.capabilities.prefill_thoughts:
                return await self._inside(problem, backend, index)
            degrade(backend, NOT_INSIDE)
            asked = self._with(self.ask(problem, backend), thinking_tokens=self.budget)
            return await Path.aread(problem, index, (await draw(backend, asked, index),))
        if not (text or backend.capabilities.prefill):
            degrade(backend, NO_PREFILL)
            return await self.think_and_conclude(problem, backend, index, THINK)
        return await self._in_words(problem, backend, index)

    async def _in_words(self, problem: Problem, backend: Backend, index: int) -> Path:
        """A path whose text is the thought."""
        first = self.ask(problem, backend, lead=f"{self.lead} {THINK}", hint=f"\n\n{THINK}")
        thoughts: tuple[Completion, ...] = ()
        thought, left = "", self.budget
        for _ in range(self.waits + 1):
            said = await draw(backend, _going_on(first, thought, left), index)
            thoughts += (said,)
            if (
                said.reasoning is not None or said.usage.reasoning_tokens
            ):  # it thinks, and nobody knew: the text is its answer
                degrade(backend, NOT_INSIDE)
                return await Path.aread(problem, index, thoughts)
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

    async def _inside(self, problem: Problem, backend: Backend, index: int) -> Path:
        """A path whose thoughts are the model's own: each call goes on inside them, and the last one behind them."""
        first = self.ask(problem, backend)
        calls: tuple[Completion, ...] = ()
        thought, left = "", self.budget
        for _ in range(self.waits + 1):
            asked = _after(first, f"{OPEN}\n{thought}")
            stop = (*first.sampling.stop, CLOSE)
            said = await draw(backend, self._with(asked, max_tokens=left, limit="total", stop=stop), index)
            calls += (said,)
            if said.finish not in {"stop", "length"} and (broken := Path.broken(index, calls)) is not None:
                return broken
            thought += said.reasoning or said.text
            left -= max(1, said.usage.completion_tokens)
            if said.finish == "length" or left <= 0:
                break
            thought += WAIT
        behind = _after(first, f"{OPEN}\n{thought.removesuffix(WAIT)}\n{CLOSE}\n\n{FINAL}")
        short = Sampling(temperature=0.0, max_tokens=max(ANSWER_TOKENS, self.sampling.max_tokens or 0))
        answer = await draw(backend, behind.model_copy(update={"sampling": short}), index)
        return await Path.aread(problem, index, (*calls, answer), lead=f"{FINAL} ")

    @staticmethod
    def _with(asked: Request, **sampling: object) -> Request:
        return asked.model_copy(update={"sampling": asked.sampling.model_copy(update=sampling)})


def _after(first: Request, said: str) -> Request:
    """The first request, with what the model has said so far."""
    return first.model_copy(update={"messages": (*first.messages, assistant(said))})


def _going_on(first: Request, thought: str, left: int) -> Request:
    """The first request, gone on from the thoughts so far, with the tokens that are left."""
    sampling = first.sampling.model_copy(update={"max_tokens": max(1, left)})
    if first.prompt is not None:
        return Request(prompt=first.prompt + thought, sampling=sampling)
    messages = (*first.messages, assistant(thought)) if thought else first.messages
    return Request(messages=messages, sampling=sampling)
