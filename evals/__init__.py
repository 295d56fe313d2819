"""Tasks, suites, runs, statistics and the command line. Names are imported when they are first used."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.comparisons.comparing import compare
    from evals.comparisons.comparison import Comparison, Pair
    from evals.comparisons.gating import Gate, gate
    from evals.exporting import export
    from evals.importing import import_run
    from evals.item import Item
    from evals.loading import load_task
    from evals.missed import misses
    from evals.record import Record
    from evals.replays.curving import curves
    from evals.replays.replaying import areplay, replay
    from evals.reporting.writing import report
    from evals.rescoring import rescore
    from evals.run import Run, load_run
    from evals.runner import aevaluate, evaluate
    from evals.task import Task
    from evals.task_names import task_names

_NAMES = {
    "Comparison": "evals.comparisons.comparison",
    "Gate": "evals.comparisons.gating",
    "Item": "evals.item",
    "Pair": "evals.comparisons.comparison",
    "Record": "evals.record",
    "Run": "evals.run",
    "Task": "evals.task",
    "aevaluate": "evals.runner",
    "areplay": "evals.replays.replaying",
    "compare": "evals.comparisons.comparing",
    "curves": "evals.replays.curving",
    "evaluate": "evals.runner",
    "export": "evals.exporting",
    "gate": "evals.comparisons.gating",
    "import_run": "evals.importing",
    "load_run": "evals.run",
    "load_task": "evals.loading",
    "misses": "evals.missed",
    "replay": "evals.replays.replaying",
    "report": "evals.reporting.writing",
    "rescore": "evals.rescoring",
    "task_names": "evals.task_names",
}

__all__ = [
    "Comparison",
    "Gate",
    "Item",
    "Pair",
    "Record",
    "Run",
    "Task",
    "aevaluate",
    "areplay",
    "compare",
    "curves",
    "evaluate",
    "export",
    "gate",
    "import_run",
    "load_run",
    "load_task",
    "misses",
    "replay",
    "report",
    "rescore",
    "task_names",
]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'evals' has no attribute {name!r}")
    value = getattr(importlib.import_module(_NAMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
