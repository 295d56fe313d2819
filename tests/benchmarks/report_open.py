"""How long a large report takes to make and to open in Chromium, and how large it is.

    python tests/benchmarks/report_open.py [--problems 1319] [--samples 40]

Needs what `make test-browser` installs. Opening ends when the problems can be filtered; the bounds are 3 s and 30 MB.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

SUPPORT = Path(__file__).parents[1] / "support"
OPENINGS = 5


def peak_mb() -> float:
    """The most memory that this process had resident."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise LookupError("VmHWM")


def main() -> None:
    """Prints every figure as one JSON object."""
    sys.path.insert(0, str(SUPPORT))
    from chromium import READY, browser, program
    from talkative import talkative_run

    from evals.reporting.writing import report

    parser = argparse.ArgumentParser()
    parser.add_argument("--problems", type=int, default=1319)
    parser.add_argument("--samples", type=int, default=40)
    given = parser.parse_args()
    try:
        program()
    except LookupError as missing:
        print(f"not measured: {missing}")
        return
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        run = talkative_run(given.problems, given.samples, Path(folder))
        assert run.folder is not None
        before, started = peak_mb(), time.perf_counter()
        made = report([run])
        wrote = time.perf_counter() - started
        opened, chosen = [], []
        for _ in range(OPENINGS):
            page = chromium.new_page()
            started = time.perf_counter()
            page.goto(made.file.as_uri())
            page.wait_for_selector(READY, state="attached")
            opened.append(time.perf_counter() - started)
            started = time.perf_counter()
            page.locator(".row").nth(3).click()
            page.wait_for_selector("#problem .path")
            chosen.append(time.perf_counter() - started)
            page.close()
        figures = {
            "problems": given.problems,
            "paths": given.problems * given.samples,
            "log MB": (run.folder / "results.jsonl").stat().st_size / 1e6,
            "report MB": made.bytes / 1e6,
            "made in s": wrote,
            "peak MB before": before,
            "peak MB after": peak_mb(),
            "opened in s, median": statistics.median(opened),
            "opened in s, worst": max(opened),
            "problem shown in s, median": statistics.median(chosen),
        }
        print(json.dumps({key: round(value, 3) for key, value in figures.items()}))


if __name__ == "__main__":
    main()
