"""Votes weighted by a judge or a reward model: the role "judge", else the backend that wrote the paths."""

import math
import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from reasoning.backends.backend import Backend
from reasoning.message import system, user
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.path import Path
from strategies.room import limited
from strategies.scope import Scope, draw
from strategies.transcript import transcript
from strategies.voting import Vote
from strategies.weighting import signal_or_equal

INSTRUCTION = (
    "You grade a solution to a problem. Check its reasoning step by step, then end with one line: "
    "Score: <a whole number from 0 to 10>, where 10 means surely correct."
)
SCORE = re.compile(r"score\W{0,4}?(-?\d+(?:\.\d+)?)", re.IGNORECASE)


class Judged(Vote):
    """A model grades each path from 0 to 10. It is shown the reasoning of all its stages, thoughts included.

    Attributes:
        pick: "weighted": classes of equal answers add up their paths' grades (Li et al. 2023); "argmax": the answer of
            the best single path.
        max_tokens: For the judge's reasoning and grade; a judge that thinks has room for its thoughts on top.
    """

    pick: Literal["weighted", "argmax"] = "weighted"
    max_tokens: int = Field(default=512, ge=1)

    async def observe(self, problem: Problem, path: Path, scope: Scope) -> Path:
        """The path with its grade, where the judge gave one."""
        said = await draw(scope.role("judge"), self._question(problem, path, scope.role("judge")), path.index)
        found = SCORE.findall(said.text)
        grade = float(found[-1]) if found and not said.failure else None
        if grade is None or not 0 <= grade <= 10:
            scope.degrade("the judge gave a path no grade from 0 to 10: it weighs nothing")
            grade = 0.0
        return path.model_copy(
            update={"signals": {**path.signals, "judge": grade / 10}, "asides": (*path.asides, said)}
        )

    def _question(self, problem: Problem, path: Path, judge: Backend) -> Request:
        shown = path.program if path.program is not None else transcript(problem, path, thoughts=True)
        text = f"Problem: {problem.question}\n\nSolution:\n{shown}\n\nAnswer: {problem.kind.text(path.answer)}"
        sampling = limited(Sampling(temperature=0.0), judge, self.max_tokens, chat=judge.capabilities.chat)
        if judge.capabilities.chat:
            return Request(messages=(system(INSTRUCTION), user(text)), sampling=sampling)
        return Request(prompt=f"{INSTRUCTION}\n\n{text}\n\n", sampling=sampling)

    def weights(self, paths: Sequence[Path]) -> Sequence[float]:
        """See `pick`."""
        return picked(paths, "judge", self.pick)


class Scored(Vote):
    """A reward or process-reward model scores each path (a backend of the role "scorer" that has `score`).

    Attributes:
        pick: As for `Judged`.
        aggregate: How a process-reward model's step scores become one: the last, the least, or their product.
    """

    pick: Literal["weighted", "argmax"] = "weighted"
    aggregate: Literal["last", "min", "product"] = "last"

    async def observe(self, problem: Problem, path: Path, scope: Scope) -> Path:
        """The path with its score.

        Raises:
            ConfigError: The backend of the role "scorer" scores nothing.
        """
        (scores,) = await scope.role("scorer").score(Request(prompt=problem.question), [transcript(problem, path)])
        steps = scores.values
        value = steps[-1] if self.aggregate == "last" else min(steps) if self.aggregate == "min" else math.prod(steps)
        return path.model_copy(update={"signals": {**path.signals, "scorer": value}})

    def weights(self, paths: Sequence[Path]) -> Sequence[float]:
        """See `pick`. A scorer may give negative rewards: they are shifted so that the least is 0."""
        return picked(paths, "scorer", self.pick)


def picked(paths: Sequence[Path], signal: str, pick: Literal["weighted", "argmax"]) -> list[float]:
    """The weights of a graded vote: the grades, or 1 for the best path (the first of equals) and 0 for the others."""
    weights = signal_or_equal(paths, signal)
    least = min((weight for weight, path in zip(weights, paths, strict=True) if path.key is not None), default=0.0)
    weights = [
        weight - min(least, 0.0) if path.key is not None else 0.0 for weight, path in zip(weights, paths, strict=True)
    ]
    if not any(weights):  # no grade tells them apart: each path counts once
        weights = [1.0 if path.key is not None else 0.0 for path in paths]
    if pick == "weighted":
        return weights
    voters = [at for at, path in enumerate(paths) if path.key is not None]
    best = max(voters, key=lambda at: (weights[at], -at), default=None)
    return [1.0 if at == best else 0.0 for at in range(len(paths))]
