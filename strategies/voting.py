"""From paths to one answer: votes and tallies.

The laws of voting: a path without an answer abstains; answers are classed by the one canonical key that scores them;
a tie is broken by a seeded rule that favours no answer, and is recorded.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from reasoning.problem import Problem
from strategies.named import Named
from strategies.path import Path
from strategies.scope import Scope
from strategies.tally import AnswerClass, Tally, tie_rank


class Vote(Named):
    """How much each path's answer weighs. A pure function of the paths, in index order."""

    what: ClassVar[str] = "vote"
    group: ClassVar[str] = "reasoning.votes"
    names: ClassVar[Mapping[str, str]] = {
        "majority": "strategies.voting:Majority",
        "likelihood": "strategies.weighting:Likelihood",
        "trace-confidence": "strategies.weighting:TraceConfidence",
        "confidence": "strategies.confidence:Confidence",
        "judged": "strategies.judging:Judged",
        "scored": "strategies.judging:Scored",
    }

    @property
    def logprobs(self) -> int | None:
        """Alternatives at each token whose log-probabilities the vote reads; None where it reads none."""
        return None

    async def observe(self, problem: Problem, path: Path, scope: Scope) -> Path:
        """The path with the signals that its weight is made of; model calls made for them join its asides."""
        return path

    @abstractmethod
    def weights(self, paths: Sequence[Path]) -> Sequence[float]:
        """One weight a path, none below 0; what it says of paths that abstain is not read."""

    def tally(self, paths: Sequence[Path], salt: str) -> Tally:
        """Classes the paths' answers and adds up their weights.

        Args:
            paths: In index order.
            salt: What seeds the breaking of ties: the run's seed and the problem's id.
        """
        weight_of: dict[str, float] = {}
        votes_of: dict[str, int] = {}
        answer_of: dict[str, Any] = {}
        for path, weight in zip(paths, self.weights(paths), strict=True):
            if path.key is not None:
                weight_of[path.key] = weight_of.get(path.key, 0.0) + weight
                votes_of[path.key] = votes_of.get(path.key, 0) + 1
                answer_of.setdefault(path.key, path.answer)
        if not weight_of:
            return Tally(abstained=len(paths))
        order = sorted(weight_of, key=lambda key: (-weight_of[key], tie_rank(salt, key)))
        tied = [key for key in order if weight_of[key] == weight_of[order[0]]]
        return Tally(
            classes=tuple(
                AnswerClass(key=key, answer=answer_of[key], votes=votes_of[key], weight=weight_of[key]) for key in order
            ),
            abstained=len(paths) - sum(votes_of.values()),
            tied=tuple(tied) if len(tied) > 1 else (),
        )


class Majority(Vote):
    """Plurality: each path that has an answer counts once (Wang et al. 2022, self-consistency)."""

    def weights(self, paths: Sequence[Path]) -> Sequence[float]:
        """1 for every path."""
        return [1.0] * len(paths)
