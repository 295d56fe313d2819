"""A second look at one's own answer."""

import re

from pydantic import Field

from reasoning.backends.backend import Backend
from reasoning.completion import Completion
from reasoning.message import assistant, user
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.shown import shown
from strategies.path import Path
from strategies.program_of_thought import ProgramOfThought, complaint, program_in
from strategies.scope import degrade, draw
from strategies.strategy import PathStrategy, PathStrategyField

UNGROUNDED = (
    "refined without outside feedback: on GSM8K that lowered accuracy (Huang et al. 2023), and a vote over as many "
    "samples is the stronger use of its tokens"
)
REVIEW = (
    "Check this answer step by step. If it is right, reply with the word KEEP alone; if not, reply with a better one."
)
KEEP = re.compile(r"\W*+(?:(?:KEEP|Keep)\b|keep\W*+\Z)")
"""A reply that keeps the answer, and no program that begins with `keep = 3` or `keepers = 3`."""
SHOWN = 500
"""Characters of a program's value that are shown to the model."""


class SelfRefine(PathStrategy):
    """Gives a path's answer back to the model to keep or to better (Madaan et al. 2023).

    Over a program the feedback is what its run gave: the value, or the error and a hint. Over text there is no outside
    feedback, and the result says what research says of that.

    Attributes:
        of: The strategy whose paths are refined, by default a program of thought.
        rounds: Most second looks.
    """

    of: PathStrategyField = ProgramOfThought()
    rounds: int = Field(default=2, ge=1, le=8)

    def sampled(self, temperature: float) -> "SelfRefine":
        """This strategy with that temperature where its paths have none."""
        return self.model_copy(update={"of": self.of.sampled(temperature)})

    def with_logprobs(self, alternatives: int) -> "SelfRefine":
        """This strategy with at least so many alternatives asked for at each token of its paths."""
        return self.model_copy(update={"of": self.of.with_logprobs(alternatives)})

    @property
    def greedy(self) -> bool:
        """Whether its paths are."""
        return self.of.greedy

    def with_shots(self, shots: str, backend: Backend | None = None) -> "SelfRefine":
        """This strategy with that exemplar set where its paths chose none."""
        return self.model_copy(update={"of": self.of.with_shots(shots, backend)})

    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        """See `PathStrategy.path`."""
        path = await self.of.path(problem, backend, index)
        if not isinstance(self.of, ProgramOfThought):
            degrade(backend, UNGROUNDED)
        for _ in range(self.rounds):
            last = path.completions[-1] if path.completions else None
            if last is None or last.request is None or path.status not in {"ok", "no_answer", "program_failed"}:
                break
            first = path.completions[0].request or last.request  # a conclusion's few tokens are none for a review
            asked = last.request.model_copy(update={"sampling": first.sampling})
            said = await draw(backend, _second_look(last, asked, _feedback(path)), index)
            if said.failure is not None or KEEP.match(said.text) or KEEP.match(program_in(said.text)):
                path = path.model_copy(update={"asides": (*path.asides, said)})
                break
            path = await self._reread(problem, path, said, index)
        return path

    async def _reread(self, problem: Problem, path: Path, said: Completion, index: int) -> Path:
        completions = (*path.completions, said)
        from_fallback = path.status == "ok" and path.program is None
        if isinstance(self.of, ProgramOfThought) and not from_fallback:
            return await self.of.attempt(problem, index, completions)
        return await Path.aread(problem, index, completions)


def _feedback(path: Path) -> str:
    if path.outcome is None:
        return REVIEW
    if path.outcome.status == "ok":
        return f"The program ran and gave {shown(path.outcome.value, SHOWN)}. {REVIEW}"
    return f"The program failed: {complaint(path.outcome)} Reply with a corrected program."


def _second_look(last: Completion, asked: Request, feedback: str) -> Request:
    if asked.prompt is not None:
        comment = "# " if "# Python" in asked.prompt else ""
        return asked.model_copy(update={"prompt": f"{asked.prompt}{last.text.rstrip()}\n{comment}{feedback}\n"})
    return asked.model_copy(update={"messages": (*asked.messages, assistant(last.text), user(feedback))})
