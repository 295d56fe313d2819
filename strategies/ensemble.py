"""One vote over the paths of several strategies."""

from typing import Self

from pydantic import Field, ValidationInfo, field_validator

from reasoning.backends.backend import Backend
from reasoning.problem import Problem
from strategies.chain_of_thought import ChainOfThought
from strategies.path import Path
from strategies.program_of_thought import ProgramOfThought
from strategies.scope import Scope
from strategies.strategy import PathStrategy, PathStrategyField
from strategies.waves import VotingStrategy, votable


class Ensemble(VotingStrategy):
    """Votes over the paths of several strategies together, e.g. chains of thought and programs.

    Path i is path ⌊i / m⌋ of member i mod m, so that each member's draws are the very ones that it would make under a
    vote of its own, and are not bought twice.

    Attributes:
        members: The strategies, by default a chain of thought and a program of thought; two that are the same are
            refused, since their paths would be the same draws.
    """

    members: tuple[PathStrategyField, ...] = Field(
        default=(ChainOfThought(), ProgramOfThought()), min_length=2, validate_default=True
    )

    @field_validator("members")
    @classmethod
    def _different(cls, members: tuple[PathStrategy, ...], info: ValidationInfo) -> tuple[PathStrategy, ...]:
        settled = tuple(votable(member, info.data["vote"]) for member in members) if "vote" in info.data else members
        if len(set(settled)) < len(settled):
            raise ValueError("two members are the same, and would draw the same paths; give them other settings")
        return settled

    def with_shots(self, shots: str, backend: Backend | None = None) -> Self:
        """This strategy with that exemplar set where its members chose none."""
        return self.model_copy(update={"members": tuple(one.with_shots(shots, backend) for one in self.members)})

    async def path_at(self, problem: Problem, scope: Scope, index: int) -> Path:
        """The next path of the member whose turn it is."""
        turn, member = divmod(index, len(self.members))
        path = await self.members[member].path(problem, scope, turn)
        return path.model_copy(update={"index": index, "member": member})
