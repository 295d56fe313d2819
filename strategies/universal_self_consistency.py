"""The model itself picks the most consistent of its answers."""

import asyncio
import re
from typing import Self

from pydantic import Field, field_validator

from reasoning.backends.backend import Backend
from reasoning.completion import Completion
from reasoning.message import user
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.chain_of_thought import ChainOfThought
from strategies.events import PathEvent, StopEvent, TallyEvent
from strategies.gathering import gather_paths
from strategies.path import Path
from strategies.result import Result
from strategies.room import limited
from strategies.scope import Scope, draw
from strategies.stopping import Decision
from strategies.strategy import PathStrategy, PathStrategyField, Strategy
from strategies.transcript import transcript
from strategies.voting import Majority
from strategies.waves import votable

PICK = (
    "I have generated the following responses to the question: {question}\n\n{responses}\n\n"
    "Evaluate these responses. Select the most consistent response based on majority consensus. "
    'Start your answer with "The most consistent response is Response X" (without quotes).'
)
NAMED = re.compile(r"response\s\W*+(\d{1,9}+)(?!\d)", re.IGNORECASE)


class UniversalSelfConsistency(Strategy):
    """Shows the model its responses and lets it pick the most consistent (Chen et al. 2023): for free text.

    On GSM8K 90.2 where a vote gave 90.4: for answers that can be compared, prefer `SelfConsistency`. Where the pick
    cannot be read, the plurality of equal answers stands, on the record.

    Attributes:
        of: The path strategy, by default a chain of thought; where it sets no temperature, 0.7 is written in.
        samples: Responses to choose from.
        max_tokens: For the pick; a model that thinks has room for its thoughts on top.
    """

    samples: int = Field(default=8, ge=2, le=64)
    of: PathStrategyField = Field(default=ChainOfThought(), validate_default=True)
    max_tokens: int = Field(default=64, ge=8)

    @field_validator("of")
    @classmethod
    def _at_random(cls, of: PathStrategy) -> PathStrategy:
        return votable(of, Majority())

    @property
    def width(self) -> int:
        """Paths it draws for a problem."""
        return self.samples

    def with_shots(self, shots: str, backend: Backend | None = None) -> Self:
        """This strategy with that exemplar set where its paths chose none."""
        return self.model_copy(update={"of": self.of.with_shots(shots, backend)})

    async def decide_on(self, problem: Problem, scope: Scope, until: float | None) -> Result:
        """Draws all responses, then asks which."""

        async def one(index: int) -> Path:
            path = await self.of.path(problem, scope, index)
            scope.emit(PathEvent(problem.id, path))
            return path

        paths, cut = await gather_paths(one, range(self.samples), until)
        tally = Majority().tally(paths, scope.salt)
        scope.emit(TallyEvent(problem.id, tally, len(paths)))
        voters = [path for path in paths if path.key is not None]
        picked, stopped = None, "deadline" if cut else "one class of answers"
        if len(tally.classes) > 1 and not cut:
            try:
                async with asyncio.timeout_at(until) as clock:
                    picked, said = await self._pick(problem, scope, voters)
            except TimeoutError:
                if not clock.expired():
                    raise
                stopped, cut = "deadline", True
            else:
                stopped = "the model picked" if picked else "plurality"
                first = paths.index(voters[0])
                paths[first] = paths[first].model_copy(update={"asides": (*paths[first].asides, said)})
                if picked is None:
                    scope.degrade("the model's pick could not be read: the plurality of answers stands")
        decision = Decision(reason=stopped, key=picked.key if picked else None)
        scope.emit(StopEvent(problem.id, decision, len(paths)))
        return Result.decided(
            problem,
            paths,
            tally,
            stopped,
            key=decision.key,
            degradations=scope.degradations,
            order_safe=not cut,
        )

    async def _pick(self, problem: Problem, scope: Scope, voters: list[Path]) -> tuple[Path | None, Completion]:
        shown = (transcript(problem, path, thoughts=True) for path in voters)
        listed = "\n\n".join(f"Response {n}: {text}" for n, text in enumerate(shown, 1))
        said = await draw(scope, self._question(problem, scope, listed), 0)
        named = NAMED.search(said.text)
        number = int(named[1]) if named and said.failure is None else 0
        return (voters[number - 1] if 1 <= number <= len(voters) else None), said

    def _question(self, problem: Problem, backend: Backend, listed: str) -> Request:
        text = PICK.replace("{question}", problem.question).replace("{responses}", listed)
        sampling = limited(Sampling(temperature=0.0), backend, self.max_tokens, chat=backend.capabilities.chat)
        if backend.capabilities.chat:
            return Request(messages=(user(text),), sampling=sampling)
        return Request(prompt=f"{text}\n\n", sampling=sampling)
