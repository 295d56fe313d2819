"""What happens while a run goes on, besides the events of its strategy: progress and trackers hang on both."""

from collections.abc import Callable
from dataclasses import dataclass

from evals.header import RunHeader
from evals.record import Record
from evals.summary import Summary
from strategies.events import Event


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins, or goes on.

    Attributes:
        header: What is going to be done.
        summary: What is done already; it goes on counting while the run lasts.
        notes: What a person should know of it: that it was resumed, or how it grew.
    """

    header: RunHeader
    summary: Summary
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemScored:
    """A problem is solved, scored and written down."""

    record: Record


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run ended, in whichever way its header says."""

    header: RunHeader
    summary: Summary


RunEvent = RunStarted | ItemScored | RunEnded | Event
OnRunEvent = Callable[[RunEvent], None]
