"""Writes `embedded_pool.json`: how often the embedded model gave each answer to each problem, and no texts.

    reasoning run reasoning-gym:basic_arithmetic --backend local --strategy self-consistency \\
        -S of=program-of-thought -S of.shots=arithmetic -S samples=40 \\
        -S of.sampling.temperature=0.9 -S of.sampling.max_tokens=64 --limit 48
    reasoning run reasoning-gym:chain_sum …the same…
    python tests/data/embedded_pool.py RUN RUN…
"""

import json
import sys
from pathlib import Path
from typing import Any

from evals.replays.pool import pool_of
from evals.run import load_run

FILE = Path(__file__).with_suffix(".json")


def counted(folder: str) -> dict[str, Any]:
    """A run's counts: for each problem `[draws, worth]` a class, the most frequent first, and the draws without one."""
    run = load_run(folder)
    pool = pool_of(run)
    items = {}
    for row in pool.rows:
        votes = {key: sum(one == key for one in row.keys) for key in row.worth}
        classes = sorted(([count, row.worth[key]] for key, count in votes.items()), reverse=True)
        items[row.id] = {"classes": classes, "abstained": sum(key is None for key in row.keys)}
    header = run.header
    provenance = {
        "task": header.task.model_dump(mode="json", include={"name", "fingerprint"}),
        "strategy": dict(header.strategy),
        "model": dict(header.backend.identity),
        "limit": header.limit,
        "seed": header.seed,
        "started": header.started,
        "packages": dict(header.packages),
    }
    return {"provenance": provenance, "draws": pool.draws, "items": items}


if __name__ == "__main__":
    FILE.write_text(json.dumps([counted(folder) for folder in sys.argv[1:]]) + "\n", encoding="utf-8")
