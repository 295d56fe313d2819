"""`reasoning report RUN… -o report.html`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evals.cli import options

if TYPE_CHECKING:
    from evals.run import Run

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EVERY_S = 1.0
"""Seconds between two words on progress."""


@app.command(epilog="Example: reasoning report runs/gsm8k--* -o report.html")
def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN…", help="Runs' folders, or a folder that holds them.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="The page; else report.html beside the first run."),
    ] = None,
    cut: Annotated[
        int | None, typer.Option(metavar="CHARACTERS", help="Keep only so much of each text: its beginning and end.")
    ] = None,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Write runs as one self-contained page: accuracy, price, votes, comparisons, losses, latency and every problem."""
    options.set_up_logging(verbose)
    from evals.reporting.problems import LONGEST
    from evals.reporting.writing import report as write
    from evals.run import load_run

    loaded = [load_run(folder) for folder in _folders(runs)]
    made = write(loaded, out, longest=LONGEST if cut is None else cut, on_problem=Progress(len(loaded)))
    for run in loaded:
        if run.status != "complete":
            print(f"reasoning: {run.name} is {run.status}: {run.done} of {run.header.planned} done.", file=sys.stderr)
    if made.replaced:
        print(f"reasoning: {made.file} was there already and is replaced.", file=sys.stderr)
    if json:
        options.print_json({"file": str(made.file), "bytes": made.bytes, "runs": made.runs, "problems": made.problems})
    else:
        print(made.file)


def _folders(given: list[Path]) -> list[Path]:
    """The runs' folders among what was named: each itself, or those in it; files such as an earlier report are none.

    What does not exist stays in, and is refused by name when it is loaded.

    Raises:
        DataError: There are none.
    """
    from evals.folder import HEADER
    from reasoning.errors import DataError

    folders: list[Path] = []
    for place in given:
        if place.is_dir() and not (place / HEADER).exists():
            folders += sorted(inner.parent for inner in place.glob(f"*/{HEADER}"))
        elif not place.is_file() or place.name == HEADER or len(given) == 1:
            folders.append(place)
    if not folders:
        raise DataError(
            f"There is no run in {', '.join(map(str, given))}; name a run's folder, or one that holds runs."
        )
    return list(dict.fromkeys(folders))


class Progress:
    """A line on standard error about a large report, at most once a second."""

    def __init__(self, runs: int) -> None:
        self._runs, self._seen = runs, dict[int, int]()
        self._last = time.monotonic()

    def __call__(self, run: "Run", done: int) -> None:
        """Takes in that a problem is packed."""
        number = self._seen.setdefault(id(run), len(self._seen) + 1)
        if time.monotonic() - self._last >= EVERY_S:
            self._last = time.monotonic()
            print(f"reasoning: run {number} of {self._runs}: {done:,} of {run.done:,} problems packed", file=sys.stderr)
