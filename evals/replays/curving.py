"""`evals.curves`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.replays.points import Curves
from evals.run import Run
from strategies.stopping import Stop
from strategies.voting import Vote


def curves(
    run: Run | str | Path,
    *,
    votes: Sequence[Vote | str | Mapping[str, Any]] | None = None,
    stops: Sequence[Stop | str | Mapping[str, Any] | None] | None = None,
    samples: Sequence[int] | None = None,
    holdout: float | None = 0.5,
    subsets: int = 200,
    seed: int = 0,
    store: str | Path | None = None,
) -> Curves:
    """Accuracy and cost of any vote × stopping rule × number of samples, over random subsets of a run's pool."""
    raise NotImplementedError
