"""Paths as they stand in a run's log, for strategies that would draw the very same."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, SkipValidation

from reasoning.backends.backend import Backend
from reasoning.problem import Problem
from strategies.confidence import Confidence
from strategies.ensemble import Ensemble
from strategies.judging import Judged, Scored
from strategies.path import Path
from strategies.result import Result
from strategies.scope import Scope
from strategies.strategy import PathStrategy, Strategy
from strategies.tally import Tally
from strategies.voting import Majority, Vote
from strategies.waves import VotingStrategy
from strategies.weighting import LogprobVote

WEIGHING_ONLY = ("keep", "pick", "temperature")
"""Fields of votes that weigh signals and have no part in observing them."""

Known = dict[int, tuple[Path, tuple[str, ...]]]
"""Paths of one problem by turn, each with what could not be done as asked when it was drawn."""


class Recalled(PathStrategy):
    """Stands for a path strategy: gives its known paths, and has it draw the others, once.

    Attributes:
        of: The path strategy.
        paths: Those that are known; those that it draws are added.
        roles: Backends by role.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    of: SkipValidation[PathStrategy]
    paths: SkipValidation[Known]
    roles: SkipValidation[Mapping[str, Backend]]

    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        """See `PathStrategy.path`."""
        assert isinstance(backend, Scope)
        if index not in self.paths:
            notes: dict[str, None] = {}
            apart = Scope(backend.backend, problem.id, roles=self.roles, seed=backend.seed, notes=notes)
            apart.asked = backend.asked
            path = await self.of.path(problem, apart, index)
            self.paths[index] = path, tuple(notes)
        path, told = self.paths[index]
        for note in told:
            backend.degrade(note)
        return path


class Observed(Vote):
    """Stands for the vote that a run was made with: the recorded paths carry their signals already.

    Attributes:
        of: The vote.
        seen: Indices of the recorded paths.
    """

    of: SkipValidation[Vote]
    seen: SkipValidation[frozenset[int]]

    async def observe(self, problem: Problem, path: Path, scope: Scope) -> Path:
        """A recorded path as it is, any other one as `of` observes it."""
        return path if path.index in self.seen else await self.of.observe(problem, path, scope)

    def weights(self, paths: Sequence[Path]) -> Sequence[float]:
        """As `of` weighs them."""
        return self.of.weights(paths)

    def tally(self, paths: Sequence[Path], salt: str) -> Tally:
        """As `of` tallies them."""
        return self.of.tally(paths, salt)


def path_strategies(strategy: Strategy) -> tuple[PathStrategy, ...]:
    """The path strategies that a strategy votes over, or itself where it is one; none where it cannot be told."""
    if isinstance(strategy, PathStrategy):
        return (strategy,)
    if isinstance(strategy, Ensemble):
        return strategy.members
    of = getattr(strategy, "of", None)
    return (of,) if isinstance(of, PathStrategy) else ()


def vote_of(strategy: Strategy) -> Vote:
    """A strategy's vote; a plain majority where it has none of its own."""
    return strategy.vote if isinstance(strategy, VotingStrategy) else Majority()


def observes(vote: Vote) -> bool:
    """Whether a vote adds anything to the paths that it weighs."""
    return type(vote).observe is not Vote.observe


def same_signals(vote: Vote, made_with: Vote) -> bool:
    """Whether a vote weighs by the very signals that another one has observed."""
    if type(vote) is not type(made_with):
        return False
    weighing = {name: getattr(made_with, name) for name in WEIGHING_ONLY if name in type(vote).model_fields}
    return vote.model_copy(update=weighing) == made_with


def asides_of(vote: Vote) -> int | None:
    """Draws that a vote adds to each path with an answer; None where that is not known."""
    if not observes(vote) or isinstance(vote, LogprobVote | Scored):
        return 0
    return 1 if isinstance(vote, Confidence | Judged) else None


def recorded_paths(strategy: Strategy, result: Result, observed: bool) -> dict[PathStrategy, Known]:
    """The paths of a result, by the path strategy that drew them.

    Where something could not be done as asked it is not known for which path. Paths are then left out, to be drawn
    again from the recorded draws, but for programs, which are not run again, and for observed ones.

    Args:
        strategy: What gave the result.
        result: A result of it.
        observed: Whether the paths keep what its vote added to them.
    """
    members = path_strategies(strategy)
    found: dict[PathStrategy, Known] = {member: {} for member in members}
    own = {note for path in result.paths for c in (*path.completions, *path.asides) for note in c.degradations}
    notes = tuple(note for note in result.degradations if note not in own)
    for member, turn, path in _turns(members, result):
        known = path if observed else _unobserved(path, strategy)
        if known is not None and (not notes or observed or path.outcome is not None):
            found[member][turn] = known, notes
    return found


def _turns(members: Sequence[PathStrategy], result: Result) -> Iterator[tuple[PathStrategy, int, Path]]:
    if not members:
        return
    for path in result.paths:
        if path.status == "abandoned":  # the clock's doing: nobody knows what it would have said
            continue
        turn, member = divmod(path.index, len(members))
        own = path if path.member is None else path.model_copy(update={"index": turn, "member": None})
        yield members[member], turn, own


def _unobserved(path: Path, strategy: Strategy) -> Path | None:
    """The path as its own strategy drew it; None where that cannot be told."""
    if isinstance(strategy, PathStrategy):
        return path
    if not isinstance(strategy, VotingStrategy):
        return None if path.asides else path
    if path.status != "ok" or not observes(strategy.vote):
        return path
    added = asides_of(strategy.vote)
    if added is None:
        return None
    return path.model_copy(update={"signals": {}, "asides": path.asides[: len(path.asides) - added]})


def recalling(
    strategy: Strategy,
    known: Mapping[PathStrategy, Known],
    roles: Mapping[str, Backend],
    seen: frozenset[int] | None = None,
) -> Strategy:
    """A strategy whose path strategies recall.

    Args:
        strategy: Which.
        known: The paths that its path strategies know.
        roles: Backends by role.
        seen: Indices of paths that its vote has observed already.
    """

    def recalled(of: PathStrategy) -> Recalled:
        return Recalled.model_construct(of=of, paths=known[of], roles=roles)

    if isinstance(strategy, PathStrategy):
        return recalled(strategy)
    changes: dict[str, Any] = {}
    members = path_strategies(strategy)
    if isinstance(strategy, Ensemble):
        changes["members"] = tuple(map(recalled, members))
    elif members:
        changes["of"] = recalled(members[0])
    if seen is not None and isinstance(strategy, VotingStrategy):
        changes["vote"] = Observed.model_construct(of=strategy.vote, seen=seen)
    return strategy.model_copy(update=changes)
