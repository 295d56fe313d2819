"""Progress on standard error: one live display for all runs on a terminal, plain lines elsewhere.

A display is told of events (`evals.events`) and nothing else; it reads what has been counted from the run's summary.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from evals import rendering
from evals.events import ItemScored, OnRunEvent, RunEnded, RunEvent, RunStarted
from evals.header import RunHeader
from evals.summary import Summary
from reasoning.shown import safe
from strategies.events import DrawEvent

Clock = Callable[[], float]

EVERY_S = 10.0
"""Seconds between two plain lines of one run."""
FIRST_S = 1.0
"""The first draw after so many seconds has a line of its own, so that a slow model is seen to work."""


class Meter:
    """How far one run is, how fast it goes, and how well."""

    def __init__(self, started: RunStarted, clock: Clock = time.monotonic) -> None:
        self.header: RunHeader = started.header
        self.summary: Summary = started.summary
        self.ended = False
        self._clock = clock
        self._began = clock()
        self._done_before = len(started.summary)
        self._draws = self._tokens = 0

    def see(self, event: RunEvent) -> None:
        """Takes in an event of this run."""
        if isinstance(event, DrawEvent):
            self._draws += event.completion.failure is None
            self._tokens += event.completion.usage.completion_tokens
        elif isinstance(event, RunEnded):
            self.header, self.ended = event.header, True

    @property
    def title(self) -> str:
        """Task, strategy, backend and name."""
        parts = (self.header.task.name, self.header.strategy_name, self.header.backend.spec, self.header.name)
        return safe(" · ".join(part for part in parts if part))

    @property
    def done(self) -> int:
        """Problems done, over all repeats."""
        return len(self.summary)

    @property
    def accuracy(self) -> str:
        """Of what is done so far, in per cent ± half the width of its interval."""
        running = self.summary.running()
        if running is None:
            return rendering.NONE
        share, ends = running
        return f"{rendering.percent(share)} ± {rendering.percent((ends.high - ends.low) / 2)}"

    @property
    def drawn(self) -> str:
        """Draws and completion tokens in this session, while it lasts."""
        if self.ended or not self._draws:
            return rendering.NONE
        many = "s" if self._draws > 1 else ""
        return f"{rendering.count(self._draws)} draw{many}, {rendering.count(self._tokens)} tokens"

    @property
    def speed(self) -> str:
        """Completion tokens a second, in this session."""
        passed = self._clock() - self._began
        return f"{rendering.count(self._tokens / passed)} tok/s" if passed > 0.5 and self._tokens else rendering.NONE

    @property
    def left(self) -> str:
        """Time left, at this session's pace."""
        done, missing = self.done - self._done_before, self.header.planned - self.done
        if self.ended or not done or not missing:
            return rendering.NONE
        return rendering.duration((self._clock() - self._began) / done * missing)

    @property
    def figures(self) -> list[str]:
        """Accuracy, draws, speed, cost, losses: what both displays show."""
        shown = [self.accuracy, *([] if self.drawn == rendering.NONE else [self.drawn]), self.speed]
        if self.summary.cost is not None:
            shown.append(rendering.money(self.summary.cost))
        lost = {cause: number for cause, number in self.summary.lost.items() if number}
        if lost:
            shown.append(f"lost {rendering.causes(lost)}")
        return shown


class Lines:
    """Plain lines, for logs and pipes."""

    def __init__(self, stream: TextIO | None = None, clock: Clock = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._meter: Meter | None = None
        self._last = 0.0
        self._wait_s = FIRST_S

    def __call__(self, event: RunEvent) -> None:
        """Takes in an event."""
        if isinstance(event, RunStarted):
            self._meter = Meter(event, self._clock)
            self._last, self._wait_s = self._clock(), FIRST_S
            self._write("; ".join((f"{self._meter.title}: {event.header.planned} to do", *event.notes)))
        elif self._meter is not None:
            self._meter.see(event)
            late = isinstance(event, ItemScored | DrawEvent) and self._clock() - self._last >= self._wait_s
            if late or isinstance(event, RunEnded):
                self._last, self._wait_s = self._clock(), EVERY_S
                self._write(self._line(self._meter))

    def _line(self, meter: Meter) -> str:
        left = f"{meter.left} left" if not meter.ended else meter.header.status
        figures = [f"{meter.done}/{meter.header.planned}", *meter.figures, left]
        return f"{meter.title}: {', '.join(shown for shown in figures if shown != rendering.NONE)}"

    def _write(self, line: str) -> None:
        print(line, file=self._stream or sys.stderr, flush=True)


@contextmanager
def display() -> Iterator[OnRunEvent]:
    """What suits standard error: a live display on a terminal, else plain lines."""
    if sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb"):
        from evals.live import live

        with live() as shown:
            yield shown
    else:
        yield Lines()
