"""What runs are called in a report: short labels for people, keys for links. Pure functions."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from evals.folder import run_folder
from evals.run import Run


def labels(runs: Sequence[Run]) -> list[str]:
    """The least of strategy, name, backend and seed that tells a run from the others of its task.

    Where nothing of these does, runs are numbered.
    """
    given = [""] * len(runs)
    for task in dict.fromkeys(_task(run) for run in runs):
        places = [place for place, run in enumerate(runs) if _task(run) == task]
        for place, label in zip(places, _labels([runs[place] for place in places]), strict=True):
            given[place] = label
    return given


def _task(run: Run) -> tuple[str, str]:
    return run.task, run.header.task.fingerprint


_PARTS: tuple[Callable[[Run], str], ...] = (
    lambda run: run.strategy,
    lambda run: run.header.name or "",
    lambda run: run.backend,
    lambda run: f"seed {run.header.seed}",
)


def _labels(runs: Sequence[Run]) -> list[str]:
    wanted = [part for number, part in enumerate(_PARTS) if number == 0 or len({part(run) for run in runs}) > 1]
    told = [" · ".join(filter(None, (part(run) for part in wanted))) for run in runs]
    return _numbered(told, " ({})")


def keys(runs: Sequence[Run]) -> list[str]:
    """What links call the runs: the names of their folders, or those that they would have."""
    return _numbered([_folder(run) for run in runs], "-{}")


def _folder(run: Run) -> str:
    if run.folder is not None:
        return run.folder.name
    return run_folder(Path(), run.task, run.strategy, run.backend, run.header.name).name


def _numbered(names: Sequence[str], pattern: str) -> list[str]:
    """The names, with a number behind each that was there before."""
    seen: Counter[str] = Counter()
    told = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else name + pattern.format(seen[name]))
    return told
