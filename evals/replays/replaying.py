"""`evals.replay`: what strategies would have answered on a run's draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.record import Record
from evals.run import Run
from evals.stats import Interval
from reasoning.backends.backend import Backend
from reasoning.usage import Usage
from strategies.strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a strategy would have answered on a run's draws, in index order.

    Attributes:
        strategy: Which.
        records: Results with their scores, as a live run would have them; by item in the run's order.
        scores: The score of each problem by id and repeat.
        accuracy: Over all planned problems.
        interval: Its 95 % interval, clustered by problem and by the item's group.
        usage: What the decided paths cost bought cold.
        cost: Money for `usage` in US dollars; None where a price is unknown.
    """

    strategy: Strategy
    records: Sequence[Record] = field(repr=False)
    scores: Mapping[tuple[str, int], float] = field(repr=False)
    accuracy: float
    interval: Interval
    usage: Usage
    cost: float | None


def replay(
    run: Run | str | Path,
    strategies: Sequence[Strategy | str | Mapping[str, Any]],
    *,
    store: str | Path | None = None,
    backend: Backend | None = None,
) -> tuple[Replayed, ...]:
    """What strategies would have answered on a run's draws, bit for bit what a live run gives."""
    raise NotImplementedError
