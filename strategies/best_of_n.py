"""The best of several paths, by a judge."""

from typing import Self

from pydantic import Field, ValidationInfo, field_validator

from reasoning.problem import Problem
from strategies.judging import Judged
from strategies.path import Path
from strategies.scope import Scope
from strategies.strategy import PathStrategy, PathStrategyField
from strategies.waves import VoteField, VotingStrategy, votable


class BestOfN(VotingStrategy):
    """Draws several paths and answers by their grades (Cobbe et al. 2021; weighted: Li et al. 2023).

    The grades are the vote's: by default a judge's, the role "judge" or else the same backend. A reward model grades
    with `vote: {scored: {}}` and the role "scorer". At equal samples compare it with `SelfConsistency`.

    Attributes:
        of: The path strategy; where it sets no temperature, 0.7 is written in.
    """

    samples: int = Field(default=8, ge=1, le=65536)
    vote: VoteField = Judged(pick="argmax")
    of: PathStrategyField

    @field_validator("of")
    @classmethod
    def _as_the_vote_needs(cls, of: PathStrategy, info: ValidationInfo) -> PathStrategy:
        return votable(of, info.data["vote"]) if "vote" in info.data else of

    def with_shots(self, shots: str) -> Self:
        """This strategy with that exemplar set where its paths chose none."""
        return self.model_copy(update={"of": self.of.with_shots(shots)})

    async def path_at(self, problem: Problem, scope: Scope, index: int) -> Path:
        """Path `index` of the strategy that is judged."""
        return await self.of.path(problem, scope, index)
