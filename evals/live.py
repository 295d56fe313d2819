"""The live display on a terminal: a row for each run."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from evals.events import ItemScored, OnRunEvent, RunEnded, RunEvent, RunStarted
from evals.progress import Clock, Meter
from evals.terminal import safe_streams
from reasoning.shown import safe
from strategies.events import DrawEvent

DRAWS_EVERY_S = 0.1
"""Seconds between two updates of a row for draws alone: as often as it is painted."""


class Rows:
    """Keeps a row of a rich progress display for each run."""

    def __init__(self, progress: Progress, clock: Clock = time.monotonic) -> None:
        self._progress, self._clock = progress, clock
        self._meter: Meter | None = None
        self._row: TaskID | None = None
        self._shown = 0.0

    def __call__(self, event: RunEvent) -> None:
        """Takes in an event."""
        if isinstance(event, RunStarted):
            self._meter = Meter(event, self._clock)
            for note in event.notes:
                self._progress.console.print(safe(f"{self._meter.title}: {note}"), markup=False, highlight=False)
            total = event.header.planned
            self._row = self._progress.add_task(self._meter.title, total=total, figures="", left="")
        if self._meter is None or self._row is None:
            return
        self._meter.see(event)
        drawn = isinstance(event, DrawEvent) and self._clock() - self._shown >= DRAWS_EVERY_S
        if drawn or isinstance(event, RunStarted | ItemScored | RunEnded):
            meter, self._shown = self._meter, self._clock()
            ended = meter.header.status if meter.ended else f"{meter.left} left"
            self._progress.update(self._row, completed=meter.done, figures="  ".join(meter.figures), left=ended)


@contextmanager
def live() -> Iterator[OnRunEvent]:
    """The display, for the time of a `with` block."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(20),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[figures]}", markup=False),
        TextColumn("{task.fields[left]}", markup=False),
    )
    console = Console(file=getattr(sys.stderr, "raw_stream", sys.stderr))  # it draws with escape sequences of its own
    with Progress(*columns, console=console, redirect_stdout=False) as progress, safe_streams():
        yield Rows(progress)
