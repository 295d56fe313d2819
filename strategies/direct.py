"""The answer at once, without reasoning: the baseline of every comparison."""

from typing import ClassVar

from reasoning.backends.backend import Backend
from reasoning.problem import Problem
from strategies.exemplars import Exemplar
from strategies.path import Path
from strategies.prompting import PromptedStrategy
from strategies.scope import draw


class Direct(PromptedStrategy):
    """Asks for the answer and nothing else; one call a path."""

    default_max_tokens: ClassVar[int] = 64
    default_system: ClassVar[str] = "Answer the question with the final answer only."

    def exemplar_answer(self, exemplar: Exemplar) -> str:
        """The bare answer."""
        return f" {exemplar.answer}"

    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        """See `PathStrategy.path`."""
        return await Path.aread(problem, index, (await draw(backend, self.ask(problem, backend), index),))
