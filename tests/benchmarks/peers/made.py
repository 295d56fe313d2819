"""What every job of the comparison shares: the problems, the one reply, and how a job tells its figures.

Run by interpreters of other environments: standard library only.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPLY = "Each has 8 and there are 10 more, so 8 + 10 = 18. The answer is 18."
QUESTION = (
    "Weng earns ${} an hour for babysitting. Yesterday, she just did 50 minutes of babysitting. She then bought a "
    "present for a friend who has {} brothers, and gave each of them a tenth of what was left. How much did she earn?"
)


def write_problems(file: Path, count: int) -> None:
    """Problems of GSM8K's size and form; every third has the reply's answer."""
    with file.open("w") as out:
        for n in range(count):
            answer = "18" if n % 3 == 0 else str(100 + n)
            out.write(json.dumps({"question": QUESTION.format(n, n), "answer": answer}) + "\n")


def problems(file: Path) -> list[dict[str, str]]:
    """The problems of a file."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def job(work: Callable[[Path, Path], float]) -> None:
    """Runs `work(problems, folder)` twice in one folder, so that the second may use what the first kept.

    Before that once with 12 problems elsewhere, so that imports are no part of it. `work` returns the accuracy, which
    shows that the work was done. Prints one line of JSON: seconds of both, and the bytes that were kept.
    """
    file, folder = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as elsewhere:
        few = Path(elsewhere) / "few.jsonl"
        few.write_text("\n".join(file.read_text().splitlines()[:12]) + "\n")
        work(few, Path(elsewhere))
    told: dict[str, Any] = {}
    for name in ("cold", "again"):
        started = time.perf_counter()
        accuracy = work(file, folder)
        told[name] = time.perf_counter() - started
        assert abs(accuracy - 440 / 1319) < 0.05, accuracy
    told["bytes"] = sum(place.stat().st_size for place in folder.rglob("*") if place.is_file())
    print("FIGURES " + json.dumps(told))
