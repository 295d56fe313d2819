"""What a server's refusals for the rate (429) show of its limit, and when to ask again."""

import collections
from dataclasses import dataclass, field

from reasoning.backends.windows import MINUTE_S, Window

LONGEST_PAUSE_S = 120.0
"""Seconds that all requests wait at most because a server asked for it."""
FIRST_PAUSE_S, LONGEST_PROBE_S = 0.5, 15.0
"""Seconds until the first try after a refusal, twice as many after each further one, and at most so many."""
ADMITTED_S = 5.0
"""Seconds after which a request without an answer has been admitted: a refusal comes at once."""
SHORTEST_WINDOW_S = 2.0
"""A server that refuses for so long has a limit by time; one that does so for less was only busy."""
CLEAN_WINDOWS = 2
"""After so many windows that were used up without a refusal a tenth more is tried."""


class Start:
    """One request that was started.

    Attributes:
        at: When.
        counts: Whether the server counts it: False for one that it refused.
        entry: Its entry in the window that was learned, if there is one.
    """

    __slots__ = ("at", "counts", "entry")

    def __init__(self, at: float, entry: list[float] | None = None) -> None:
        self.at, self.entry, self.counts = at, entry, True


@dataclass
class _Block:
    """The time from a refusal to the next request that is admitted.

    Attributes:
        since: When it began.
        until: When the next request may be tried.
        before: The requests of the window that it ended.
        pause: Seconds until the last try.
        probe: The request that is being tried.
    """

    since: float
    until: float
    before: list[Start] = field(default_factory=list)
    pause: float = FIRST_PAUSE_S
    probe: Start | None = None

    def tries(self, started: Start) -> bool:
        """Whether a request was sent to find out whether it is over."""
        return started is self.probe or started.at > self.since


class ServerLimit:
    """Waits out a server's limit with few requests, and keeps to it from then on.

    After a refusal nothing is sent for as long as the server asks, or for half a second; then one request is tried, and
    after each refusal of such a one the pause is twice as long. The first that is admitted opens the way for all. When
    that took some seconds, the server has a limit by time: as many requests as were admitted from the first of them to
    the refusal, in as many seconds as from then to now. No more than that are started from then on, and a tenth more
    after some windows without a refusal, so that a limit that was learned too low does not last.
    """

    def __init__(self) -> None:
        self._recent: collections.deque[Start] = collections.deque()
        self._block: _Block | None = None
        self._window: Window | None = None
        self._clean_since, self._used_up = 0.0, False

    @property
    def active(self) -> bool:
        """False where nothing has to wait, whatever the time is."""
        return self._block is not None or self._window is not None

    @property
    def blocked(self) -> bool:
        """True from a refusal until a request is admitted."""
        return self._block is not None

    def delay(self, now: float) -> float:
        """Seconds until the next request may start, or, while one is tried, until that can be told at the latest."""
        block, wait = self._block, 0.0
        if block is not None and block.probe is not None:
            wait = block.probe.at + ADMITTED_S - now
            if wait > 0:
                return wait
            self._lift(block, now)
        elif block is not None:
            wait = block.until - now
        if self._window is not None and (full := self._window.delay(1, now)) > 0:
            self._used_up, wait = True, max(wait, full)
        return max(wait, 0.0)

    def start(self, now: float) -> Start:
        """A request starts."""
        window = self._window
        if window is not None and now - self._clean_since >= CLEAN_WINDOWS * window.span_s:
            window.limit += max(1, window.limit // 10) if self._used_up else 0
            self._clean_since, self._used_up = now, False
        started = Start(now, window.add(1, now) if window is not None else None)
        while self._recent and self._recent[0].at <= now - MINUTE_S:
            self._recent.popleft()
        self._recent.append(started)
        if self._block is not None:
            self._block.probe = started
        return started

    def undo(self, started: Start) -> None:
        """A request was not sent after all."""
        self._forget(started)
        if self._block is not None and self._block.probe is started:
            self._block.probe = None

    def _forget(self, started: Start) -> None:
        started.counts = False
        if started.entry is not None and self._window is not None:
            self._window.correct(started.entry, 0)

    def refused(self, started: Start, told: float | None, now: float) -> None:
        """A request was refused for the rate.

        Args:
            started: What `start` gave for it.
            told: Seconds that the server asked to wait, if it did.
            now: The time.
        """
        self._forget(started)
        told = None if told is None else min(told, LONGEST_PAUSE_S)
        block = self._block
        if block is None:
            span = MINUTE_S
            if self._window is not None:  # it has grown too wide, or the server's limit has become narrower
                span = self._window.span_s
                self._window.limit = max(1, min(self._window.limit, round(self._window.used)))
            before = [one for one in self._recent if one.at > now - span]
            self._block = _Block(since=now, until=now + (FIRST_PAUSE_S if told is None else told), before=before)
        elif block.tries(started):
            block.pause = min(2 * block.pause, LONGEST_PROBE_S)
            block.until = max(block.until, now + max(told or 0.0, block.pause))
            block.probe = None if block.probe is started else block.probe
        elif told is not None:  # it was sent before the limit was known
            block.until = max(block.until, now + told)

    def ended(self, started: Start, now: float, *, admitted: bool) -> None:
        """A request ended without being refused for the rate.

        Args:
            started: What `start` gave for it.
            now: The time.
            admitted: False where the server may not even have seen it.
        """
        block = self._block
        if block is None or not block.tries(started):
            return
        if admitted:
            self._lift(block, now)
        elif block.probe is started:
            block.probe = None
            block.until = now + block.pause

    def _lift(self, block: _Block, now: float) -> None:
        self._block = None
        self._clean_since, self._used_up = now, False
        admitted = [one for one in block.before if one.counts]
        if now - block.since < SHORTEST_WINDOW_S or not admitted:
            return
        if self._window is not None:
            self._window.limit = max(1, min(self._window.limit, len(admitted)))
            return
        self._window = Window(len(admitted), now - admitted[0].at)
        for one in self._recent:
            if one.at >= block.since and one.counts:
                one.entry = self._window.add(1, one.at)
