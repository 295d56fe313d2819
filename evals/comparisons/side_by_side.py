"""Backends side by side: runs of one task and strategy that differ in who was asked."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evals.comparisons.comparison import Side
from evals.comparisons.matching import Matched, Reading
from evals.run import Run
from reasoning.backends.facts import ModelFacts
from reasoning.errors import ConfigError


@dataclass(frozen=True)
class Beside:
    """One backend among several.

    Attributes:
        run: Its run.
        side: The run's figures: latencies, tokens a second; None where nothing was done.
        agreement: The share of problems that both did whose answers are of one class with those of the first backend;
            one without an answer agrees with none. None for the first itself, and where they share no problem.
    """

    run: Run
    side: Side | None
    agreement: float | None

    @property
    def label(self) -> str:
        """The backend, and the run's name where it has one."""
        return self.run.backend + (f" ({self.run.header.name})" if self.run.header.name else "")

    @property
    def facts(self) -> ModelFacts:
        """What is known of its model."""
        return self.run.header.backend.facts or ModelFacts()

    def to_json(self) -> dict[str, Any]:
        """The backend as one JSON object."""
        side = self.side
        return {
            "backend": self.run.backend,
            "name": self.run.header.name,
            "accuracy": self.run.accuracy,
            "agreement": self.agreement,
            "tokens_per_second": side.tokens_per_second if side else None,
            "latency_p50": side.latency_p50 if side else None,
            "latency_p95": side.latency_p95 if side else None,
            "tokens": self.run.usage.total_tokens,
            "cost": self.run.cost,
            "facts": self.facts.model_dump(mode="json"),
        }


def side_by_side(runs: Sequence[Run]) -> list[list[Beside]]:
    """The runs of one task and strategy, wherever several backends were asked, in the order given."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        key = (run.task, json.dumps(run.header.model_dump(mode="json")["strategy"], sort_keys=True))
        groups.setdefault(key, []).append(run)
    return [_beside(group) for group in groups.values() if len({_who(run) for run in group}) > 1]


def _who(run: Run) -> str:
    note = run.header.backend
    return json.dumps([note.spec, dict(note.identity)], sort_keys=True, default=str)


def _beside(runs: Sequence[Run]) -> list[Beside]:
    readings = [Reading(run, run.name) for run in runs]
    return [
        Beside(
            run=reading.run,
            side=reading.side(list(reading.problems)) if reading.problems else None,
            agreement=None if reading is readings[0] else _agreement(readings[0], reading),
        )
        for reading in readings
    ]


def _agreement(first: Reading, other: Reading) -> float | None:
    try:
        return Matched.of(first, other).agreement
    except ConfigError:
        return None  # no problem in common: one of them was stopped before
