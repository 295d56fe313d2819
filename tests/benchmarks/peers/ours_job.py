"""This project: chain of thought, scored and logged, with the store of draws on."""

import itertools
import sys
from pathlib import Path

import made

import evals
import reasoning

TASK = Path(__file__).with_name("ours_made.yaml")
_runs = itertools.count()


def work(file: Path, folder: Path) -> float:
    """A run of its own each time; the second finds its draws in the store."""
    definition = folder / "made.yaml"
    definition.write_text(TASK.read_text().replace("PROBLEMS", str(file)))
    options = {"text": made.REPLY, "capabilities": {"chat": True, "seed": True, "concurrency": 64}}
    store = None if "--no-store" in sys.argv else folder / "draws.sqlite"
    with reasoning.open_backend("scripted/constant", store=store, **options) as backend:
        run = evals.evaluate(str(definition), "chain-of-thought", backend, out=folder / f"run{next(_runs)}")
    return run.accuracy


made.job(work)
