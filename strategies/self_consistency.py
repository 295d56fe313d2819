"""Many paths, one vote."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator

from reasoning.errors import ConfigError
from reasoning.problem import Problem
from strategies.events import StopEvent, TallyEvent
from strategies.path import Path
from strategies.result import Result
from strategies.scope import Scope
from strategies.stopping import Decision, StopField
from strategies.strategy import PathStrategy, Strategy, gather_paths
from strategies.voting import Majority, Vote

VOTE_TEMPERATURE = 0.7


def _path_strategy(value: Any) -> Any:
    found = Strategy.of_config(value)
    if not isinstance(found, PathStrategy):
        raise ConfigError(f"A vote is taken over a path strategy such as chain-of-thought; {found.name()} is none.")
    return found


class SelfConsistency(Strategy):
    """Samples several paths and answers what most of them say (Wang et al. 2022).

    Attributes:
        of: The path strategy; where it sets no temperature, 0.7 is written in.
        samples: Most paths to draw.
        vote: How paths are weighed.
        stop: When enough are drawn; None draws all `samples`.
    """

    of: Annotated[SerializeAsAny[PathStrategy], BeforeValidator(_path_strategy)]
    samples: int = Field(default=40, ge=1, le=65536)
    vote: Annotated[SerializeAsAny[Vote], BeforeValidator(Vote.of_config)] = Majority()
    stop: StopField | None = None

    @field_validator("of")
    @classmethod
    def _drawn_at_random(cls, of: PathStrategy) -> PathStrategy:
        of = of.sampled(VOTE_TEMPERATURE)
        sampling = getattr(of, "sampling", None)
        if sampling is not None and sampling.greedy:
            raise ValueError(
                "greedy paths (temperature 0) are all the same, so a vote over them says nothing; "
                "leave of.sampling.temperature unset or set it above 0"
            )
        return of

    @property
    def width(self) -> int:
        """Most paths it draws for a problem."""
        return self.samples

    def with_shots(self, shots: str) -> Self:
        """This strategy with that exemplar set where its paths chose none."""
        return self.model_copy(update={"of": self.of.with_shots(shots)})

    async def decide_on(self, problem: Problem, scope: Scope, until: float | None) -> Result:
        """Draws waves of paths until the rule, tried on every prefix in index order, says stop."""
        paths: list[Path] = []
        tried, cut = 0, False
        decision: Decision | None = None
        while decision is None:
            wanted = self._wave(paths)
            drawn, cut = await gather_paths(self.of, problem, scope, range(len(paths), len(paths) + wanted), until)
            paths += drawn
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
