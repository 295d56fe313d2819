"""Zero-shot reasoning in two stages: think, then conclude (Kojima et al. 2022)."""

from typing import ClassVar, Self

from reasoning.backends.backend import Backend
from reasoning.completion import Completion
from reasoning.message import assistant, user
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.path import Path
from strategies.prompting import PromptedStrategy
from strategies.scope import draw

ANSWER_LEADS = {
    "number": "Therefore, the answer (arabic numerals) is",
    "choice": "Therefore, among the choices, the answer is",
    "boolean": "Therefore, the answer (Yes or No) is",
}
ANSWER_TOKENS = 64


class TwoStage(PromptedStrategy):
    """A prompted strategy that can think after a trigger and conclude in a second, greedy call."""

    default_max_tokens: ClassVar[int] = 512

    def with_shots(self, shots: str, backend: Backend | None = None) -> Self:
        """This strategy with that exemplar set where `shots` was not chosen, and the model is asked in plain text."""
        if backend is not None and self.form(backend) == "chat":
            return self
        return super().with_shots(shots, backend)

    async def think_and_conclude(self, problem: Problem, backend: Backend, index: int, trigger: str) -> Path:
        """The path of both stages; a first stage that broke is the end of it."""
        asked = self.ask(problem, backend, lead=f"{self.lead} {trigger}", hint=f"\n\n{trigger}")
        thought = await draw(backend, asked, index)
        return Path.broken(index, (thought,)) or await conclude(problem, backend, index, asked, (thought,))


async def conclude(
    problem: Problem, backend: Backend, index: int, asked: Request, thoughts: tuple[Completion, ...]
) -> Path:
    """Asks greedily for the answer that the last thought arrives at.

    Args:
        problem: What is asked.
        backend: Whom.
        index: The path's draw index.
        asked: The request that the last thought answers.
        thoughts: The path's completions so far.
    """
    lead = ANSWER_LEADS.get(problem.kind.kind, "Therefore, the answer is")
    thought, sampling = thoughts[-1].text, asked.sampling
    if asked.prompt is not None:
        short = Sampling(temperature=0.0, max_tokens=ANSWER_TOKENS, stop=(*sampling.stop, "\n"))
        request = Request(prompt=f"{asked.prompt}{thought}\n{lead}", sampling=short)
        return await Path.aread(problem, index, (*thoughts, await draw(backend, request, index)), lead=lead)
    most = max(ANSWER_TOKENS, sampling.max_tokens or 0)
    room = Sampling(
        temperature=0.0,
        max_tokens=most,
        limit=sampling.limit,
        thinking_tokens=sampling.thinking_tokens,
        effort=sampling.effort,
    )
    request = Request(messages=(*asked.messages, assistant(thought), user(lead)), sampling=room)
    return await Path.aread(problem, index, (*thoughts, await draw(backend, request, index)), lead=f"{lead} ")
