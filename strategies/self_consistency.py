"""Many paths, one vote."""

from typing import Self

from pydantic import Field, ValidationInfo, field_validator

from reasoning.backends.backend import Backend
from reasoning.problem import Problem
from strategies.chain_of_thought import ChainOfThought
from strategies.path import Path
from strategies.scope import Scope
from strategies.strategy import PathStrategy, PathStrategyField
from strategies.waves import VotingStrategy, votable


class SelfConsistency(VotingStrategy):
    """Samples several paths and answers what most of them say (Wang et al. 2022).

    Attributes:
        of: The path strategy, by default a chain of thought; where it sets no temperature, 0.7 is written in.
    """

    of: PathStrategyField = Field(default=ChainOfThought(), validate_default=True)

    @field_validator("of")
    @classmethod
    def _as_the_vote_needs(cls, of: PathStrategy, info: ValidationInfo) -> PathStrategy:
        return votable(of, info.data["vote"]) if "vote" in info.data else of

    def with_shots(self, shots: str, backend: Backend | None = None) -> Self:
        """This strategy with that exemplar set where its paths chose none."""
        return self.model_copy(update={"of": self.of.with_shots(shots, backend)})

    async def path_at(self, problem: Problem, scope: Scope, index: int) -> Path:
        """Path `index` of the strategy that is voted over."""
        return await self.of.path(problem, scope, index)
