"""Reasoning in words before the answer."""

from typing import ClassVar

from reasoning.backends.backend import Backend
from reasoning.message import assistant, user
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.exemplars import Exemplar
from strategies.path import Path
from strategies.prompting import PromptedStrategy
from strategies.scope import draw

THINK = "Let's think step by step."
ANSWER_LEADS = {
    "number": "Therefore, the answer (arabic numerals) is",
    "choice": "Therefore, among the choices, the answer is",
    "boolean": "Therefore, the answer (Yes or No) is",
}
ANSWER_TOKENS = 64


class ChainOfThought(PromptedStrategy):
    """Chain of thought.

    With exemplars (`shots`): few-shot, one call (Wei et al. 2022). Without: zero-shot in two stages, "Let's think step
    by step." and then "Therefore, the answer (arabic numerals) is" over what was thought (Kojima et al. 2022); the
    second stage is greedy.
    """

    default_max_tokens: ClassVar[int] = 512
    default_system: ClassVar[str] = (
        "Solve the problem step by step, then state the answer in a last sentence: The answer is <answer>."
    )

    def exemplar_answer(self, exemplar: Exemplar) -> str:
        """The reasoning, and the answer's sentence."""
        return f" {exemplar.reasoning} The answer is {exemplar.answer}."

    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        """See `PathStrategy.path`."""
        if self.shots:
            return Path.read(problem, index, (await draw(backend, self.ask(problem, backend), index),))
        asked = self.ask(problem, backend, lead=f"{self.lead} {THINK}", hint=f"\n\n{THINK}")
        thought = await draw(backend, asked, index)
        broken = Path.broken(index, (thought,))
        if broken is not None:
            return broken
        lead = ANSWER_LEADS.get(problem.kind.kind, "Therefore, the answer is")
        answer = await draw(backend, self._conclude(asked, thought.text, lead), index)
        return Path.read(problem, index, (thought, answer), lead=lead if asked.prompt is not None else f"{lead} ")

    def _conclude(self, asked: Request, thought: str, lead: str) -> Request:
        """The second stage: the first one, what was thought, and the answer's beginning."""
        stop = (*asked.sampling.stop, "\n") if asked.prompt is not None else asked.sampling.stop
        most = max(ANSWER_TOKENS, asked.sampling.max_tokens or 0) if asked.messages else ANSWER_TOKENS
        sampling = Sampling(temperature=0.0, max_tokens=most, stop=stop, effort=asked.sampling.effort)
        if asked.prompt is not None:
            return Request(prompt=f"{asked.prompt}{thought}\n{lead}", sampling=sampling)
        return Request(messages=(*asked.messages, assistant(thought), user(lead)), sampling=sampling)
