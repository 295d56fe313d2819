"""Whether a backend answers at all: what ends a run because it does not, and what a person is told meanwhile."""

import logging
import time
from collections.abc import Callable, Sequence

from reasoning.completion import Completion, Failure
from reasoning.errors import NoAnswerError
from reasoning.request import Request

_log = logging.getLogger(__name__)

FIRST_TRIES = 4
"""Tries of a draw before anything was answered where there is no connection: nothing says that there is a server."""
QUIET_S = 2.0
"""Seconds of failures, or of one wait, that are only logged; a warning tells of longer ones, …"""
TELL_EVERY_S = 10.0
"""… and so often."""


class Outage:
    """The time since a backend last answered, while its calls fail for reasons that could pass.

    Args:
        spec: Names the backend.
        total_s: Seconds without an answer after which a call that fails for good stops the run.
        clock: Gives monotonic seconds.
    """

    def __init__(self, spec: str, total_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._spec, self._total_s, self._clock = spec, total_s, clock
        self._answered = False
        self._since: float | None = None  # the first failure after the last answer
        self._failed: Request | None = None  # the first that failed for good since then
        self._told_at = -TELL_EVERY_S

    def attempts(self, failure: Failure, most: int) -> int:
        """How often a draw is tried that fails so, where it is `most` of a backend that answers."""
        return min(most, FIRST_TRIES) if failure.kind == "connection" and not self._answered else most

    def heard(self, completions: Sequence[Completion]) -> None:
        """Takes note of what a call brought."""
        if any(one.failure is None or not one.failure.retryable for one in completions):
            if self._since is not None:
                _log.info("%s answers again", self._spec)
            self._answered, self._since, self._failed = True, None, None
        elif completions and self._since is None:
            self._since = self._clock()

    def wait(self, failure: Failure, wait_s: float) -> None:
        """Tells of a wait before another try: in the log, and where it lasts as a warning from time to time."""
        now = self._clock()
        lasts = wait_s >= QUIET_S or (self._since is not None and now - self._since >= QUIET_S)
        level = logging.WARNING if lasts and now - self._told_at >= TELL_EVERY_S else logging.INFO
        if level == logging.WARNING:
            self._told_at = now
        why = failure.message.rstrip(".")
        _log.log(level, "%s has given no answer yet: %s. The next try is in %.1f s.", self._spec, why, wait_s)

    def gave_up(self, request: Request, failure: Failure) -> None:
        """A request failed for good: where it is the second one without an answer between, it is not its own fault.

        Raises:
            NoAnswerError: The backend never answered, or has not for as long as draws are tried again.
        """
        self._failed = self._failed or request
        alone = self._failed == request
        if not self._answered:
            if failure.kind == "connection" or not alone:
                raise NoAnswerError(f"{self._spec} has given no answer so far: {failure.message}")
        elif not alone and self._since is not None and self._clock() - self._since >= self._total_s:
            minutes = (self._clock() - self._since) / 60
            raise NoAnswerError(f"{self._spec} has given no answer for {minutes:.0f} minutes: {failure.message}")
