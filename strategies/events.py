"""What happens while a problem is solved, as it happens: progress, logging and trackers hang on these.

`on_event=` receives each of them on the loop that solves; it must return quickly and not raise.
"""

from collections.abc import Callable
from dataclasses import dataclass

from reasoning.completion import Completion
from strategies.path import Path
from strategies.result import Result
from strategies.stopping import Decision
from strategies.tally import Tally


@dataclass(frozen=True, slots=True)
class DrawEvent:
    """A completion arrived.

    Attributes:
        problem_id: The problem it was drawn for.
        role: The backend that drew it: "" for the main one, else the role's name.
        completion: What arrived.
    """

    problem_id: str
    role: str
    completion: Completion


@dataclass(frozen=True, slots=True)
class PathEvent:
    """A path ended."""

    problem_id: str
    path: Path


@dataclass(frozen=True, slots=True)
class TallyEvent:
    """Paths were counted after a wave."""

    problem_id: str
    tally: Tally
    paths: int


@dataclass(frozen=True, slots=True)
class StopEvent:
    """A stopping rule had its say."""

    problem_id: str
    decision: Decision
    paths: int


@dataclass(frozen=True, slots=True)
class ItemEvent:
    """A problem is solved."""

    problem_id: str
    result: Result


Event = DrawEvent | PathEvent | TallyEvent | StopEvent | ItemEvent
OnEvent = Callable[[Event], None]
