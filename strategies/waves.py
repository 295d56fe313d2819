"""The loop of every vote: draw a wave of paths, try the stopping rule on each prefix in index order, vote."""

from abc import abstractmethod
from typing import Annotated

from pydantic import BeforeValidator, Field, SerializeAsAny

from reasoning.problem import Problem
from strategies.events import PathEvent, StopEvent, TallyEvent
from strategies.gathering import gather_paths
from strategies.path import Path
from strategies.result import Result
from strategies.scope import Scope
from strategies.stopping import Decision, StopField
from strategies.strategy import PathStrategy, Strategy
from strategies.voting import Majority, Vote

VOTE_TEMPERATURE = 0.7
VoteField = Annotated[SerializeAsAny[Vote], BeforeValidator(Vote.of_config)]


def votable(paths: PathStrategy, vote: Vote) -> PathStrategy:
    """A path strategy as a vote needs it: drawn at random, with the log-probabilities that the vote reads.

    Raises:
        ValueError: Its paths are greedy, hence all the same.
    """
    paths = paths.sampled(VOTE_TEMPERATURE)
    if paths.greedy:
        raise ValueError(
            "greedy paths (temperature 0) are all the same, so a vote over them says nothing; "
            "leave sampling.temperature unset or set it above 0"
        )
    return paths if vote.logprobs is None else paths.with_logprobs(vote.logprobs)


class VotingStrategy(Strategy):
    """A strategy that answers by a vote over paths.

    Attributes:
        samples: Most paths to draw.
        vote: How paths are weighed.
        stop: When enough are drawn; None draws all `samples`.
    """

    samples: int = Field(default=40, ge=1, le=65536)
    vote: VoteField = Majority()
    stop: StopField | None = None

    @abstractmethod
    async def path_at(self, problem: Problem, scope: Scope, index: int) -> Path:
        """Draws path `index`, numbered so."""

    @property
    def width(self) -> int:
        """Most paths it draws for a problem."""
        return self.samples

    async def decide_on(self, problem: Problem, scope: Scope, until: float | None) -> Result:
        """Draws waves of paths until the rule, tried on every prefix in index order, says stop."""

        async def one(index: int) -> Path:
            path = await self.path_at(problem, scope, index)
            if path.status == "ok":
                path = await self.vote.observe(problem, path, scope)
            scope.emit(PathEvent(problem.id, path))
            return path

        paths: list[Path] = []
        tried, cut = 0, False
        decision: Decision | None = None
        while decision is None:
            drawn, cut = await gather_paths(one, range(len(paths), len(paths) + self._wave(paths)), until)
            paths += drawn
            if scope.watched:
                scope.emit(TallyEvent(problem.id, self.vote.tally(paths, scope.salt), len(paths)))
            while decision is None and tried < len(paths):
                tried += 1
                decision = self._decide(paths[:tried])
            if cut and decision is None:
                decision = Decision(reason="deadline")
        decided = paths[:tried]
        scope.emit(StopEvent(problem.id, decision, tried))
        return Result.decided(
            problem,
            decided,
            self.vote.tally(decided, scope.salt),
            decision.reason,
            key=decision.key,
            degradations=scope.degradations,
            order_safe=not cut,
        )

    def _wave(self, paths: list[Path]) -> int:
        left = self.samples - len(paths)
        return left if self.stop is None else min(left, self.stop.wave(paths))

    def _decide(self, prefix: list[Path]) -> Decision | None:
        decision = self.stop.decide(prefix) if self.stop is not None else None
        if decision is None and len(prefix) >= self.samples:
            return Decision(reason=f"all {self.samples} samples drawn")
        return decision
