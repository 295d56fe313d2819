"""This project: program of thought, every program run in the sandbox's standard level, scored and logged."""

import itertools
from pathlib import Path

import made

import evals
import reasoning

_runs = itertools.count()


def work(file: Path, folder: Path) -> float:
    definition = folder / "made.yaml"
    definition.write_text(f"name: made\nsource: {{jsonl: {file}}}\nquestion: question\ngold: answer\nkind: number\n")
    options = {"text": "ans = 8 + 10", "capabilities": {"text": True, "style": "text", "seed": True, "concurrency": 64}}
    with reasoning.open_backend("scripted/constant", store=folder / "draws.sqlite", **options) as backend:
        run = evals.evaluate(str(definition), "program-of-thought", backend, out=folder / f"run{next(_runs)}")
    return run.accuracy


made.job(work)
