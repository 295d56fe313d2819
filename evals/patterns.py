"""Regular expressions that people write in task files, applied within a bound of time."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from reasoning.errors import ConfigError, MissingPackageError
from reasoning.worker import Allowance, Overrun, Worker

SECONDS: Final = 5.0
"""What one search may take."""


@cache
def _worker() -> Worker:
    return Worker(
        Path(__file__).with_name("pattern_search.py"),
        lambda package: MissingPackageError(package, "pip install reasoning-strategies", "A task's pattern"),
    )


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of a task file.

    Attributes:
        text: The regular expression.
        key: Under which key it stands.
    """

    text: str
    key: str

    def last(self, text: str, place: str) -> str | None:
        """The last match's first group, or the whole of it where there is no group; None without a match.

        Raises:
            ConfigError: The search takes too long.
        """
        try:
            found = _worker().ask({"pattern": self.text, "text": text}, Allowance(SECONDS))
        except Overrun as error:
            raise ConfigError(
                f"{place}: the {self.key} {self.text!r} takes longer than {SECONDS:g} s on {text[:40]!r}; "
                "write it without a repeat within a repeat."
            ) from error
        return None if found is None else str(found)
