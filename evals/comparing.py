"""Compares runs, item by item."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from evals.comparison import Comparison
from evals.run import Run
from evals.stats import CONFIDENCE

Against = Literal["all", "first", "previous"]


def compare(
    runs: Sequence[Run | str | Path],
    *,
    against: Against = "all",
    labels: Sequence[str] | None = None,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Compares runs two by two on the items that both have."""
    raise NotImplementedError
