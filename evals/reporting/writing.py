"""What goes into a report: the runs' figures, their comparisons, their curves, and every problem."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from evals.missed import CAUSES
from evals.reporting.figures import Shown, TaskRuns
from evals.reporting.gathering import Gathered, Items, gather
from evals.reporting.labels import keys, labels
from evals.reporting.packing import Chunks, block, document
from evals.reporting.page import Page
from evals.reporting.problems import LONGEST
from evals.run import Run
from reasoning.errors import ConfigError, DataError

NAME = "report.html"
OnProblem = Callable[[Run, int], None]
"""Told of each problem as it is packed: its run, and how many of that run are packed."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was written.

    Attributes:
        file: Where it is.
        bytes: Its size.
        runs: How many it shows.
        problems: How many it holds, over all runs and repeats.
        replaced: Whether there was a file of that name.
    """

    file: Path
    bytes: int
    runs: int
    problems: int
    replaced: bool


def report(
    runs: Sequence[Run],
    path: str | Path | None = None,
    *,
    longest: int = LONGEST,
    on_problem: OnProblem = lambda run, done: None,
) -> Report:
    """Writes runs as one self-contained HTML file that needs no network.

    Figures, comparisons and curves come first, as plain HTML and SVG; then every problem with its paths, programs and
    votes, which the page's script shows. Texts are escaped or never read as markup. Memory grows by some hundred bytes
    a problem, not with the texts.

    Args:
        runs: One or more; runs of one task (by name and fingerprint) are compared, and shown side by side.
        path: The file; `report.html` beside the first run's folder when None. It is replaced in one step.
        longest: Characters of one text that are kept: its beginning and end, with a word on what is left out.
        on_problem: Called after each problem.

    Raises:
        ConfigError: There are no runs, or none of them says where the file should go.
        DataError: It cannot be written, or a run's log is damaged.
    """
    if not runs:
        raise ConfigError("A report needs one run or more.")
    if longest < 1:
        raise ConfigError(f"A report keeps one character of a text or more; got {longest}.")
    file = _beside(runs[0]) if path is None else Path(path)
    try:
        replaced = file.exists()
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile("w+", encoding="ascii", dir=file.parent) as blocks:
            page = _gathered(runs, blocks, longest, on_problem)
            _write_whole(file, page, blocks)
        return Report(file, file.stat().st_size, len(runs), sum(run.done for run in runs), replaced)
    except OSError as error:
        raise DataError(f"The report {file} cannot be written: {error.strerror}; name another file with -o.") from error


def _beside(run: Run) -> Path:
    if run.folder is None:
        raise ConfigError("A run in memory has no folder beside which its report could stand; name a file.")
    return run.folder.parent / NAME


def _gathered(runs: Sequence[Run], blocks: IO[str], longest: int, on_problem: OnProblem) -> Page:
    """Packs all problems into `blocks`; the page but for those."""
    tasks: dict[tuple[str, str], TaskRuns] = {}
    index: list[dict[str, Any]] = []
    names, known_as = labels(runs), keys(runs)
    for number, run in enumerate(runs):
        task = tasks.setdefault((run.task, run.header.task.fingerprint), TaskRuns(run.task, len(tasks), Items(), []))
        told = gather(run, task.items, Chunks(blocks, f"run-{number}"), longest, _counted(on_problem, run))
        task.runs.append(Shown(run, names[number], known_as[number], number, told))
        index.append(_index(run, names[number], known_as[number], task.number, told))
    whole = {
        "causes": CAUSES,
        "runs": index,
        "tasks": [{"name": task.name, **task.items.to_json()} for task in tasks.values()],
    }
    made = datetime.now(UTC)
    return Page(tuple(tasks.values()), made, block("index", document(whole)))


def _counted(on_problem: OnProblem, run: Run) -> Callable[[], None]:
    done = 0

    def one() -> None:
        nonlocal done
        done += 1
        on_problem(run, done)

    return one


def _index(run: Run, label: str, key: str, task: int, told: Gathered) -> dict[str, Any]:
    return {
        "key": key,
        "label": label,
        "task": task,
        "repeats": run.header.repeats,
        "rows": told.rows.to_json(),
        "common": told.common.texts,
    }


def _write_whole(file: Path, page: Page, blocks: IO[str]) -> None:
    """Replaces the file in one step: a reader, or a kill, finds the old page or the new one."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    before, after = page.html()
    try:
        with part.open("w", encoding="utf-8") as out:
            out.write(before)
            blocks.seek(0)
            while held := blocks.read(1 << 20):
                out.write(held)
            out.write(after)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
