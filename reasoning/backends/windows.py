"""What may start in a window of time."""

import collections

MINUTE_S = 60.0


class Window:
    """Lets at most `limit` through in any span of time.

    Args:
        limit: The sum of the amounts let through.
        span_s: Seconds of the span.
    """

    def __init__(self, limit: int, span_s: float = MINUTE_S) -> None:
        self.limit, self.span_s = limit, span_s
        self._entries: collections.deque[list[float]] = collections.deque()
        self._total = 0.0

    @property
    def used(self) -> float:
        """The sum of the amounts that count now, as of the last question."""
        return self._total

    def delay(self, amount: float, now: float) -> float:
        """Seconds until `amount` fits; one that never fits may go when the window is empty."""
        while self._entries and self._entries[0][0] <= now - self.span_s:
            self._total -= self._entries.popleft()[1]
        over = self._total + amount - self.limit
        if over <= 0 or not self._entries:
            return 0.0
        for then, past in self._entries:
            over -= past
            if over <= 0:
                return then + self.span_s - now
        return self._entries[-1][0] + self.span_s - now

    def add(self, amount: float, now: float) -> list[float]:
        """Lets an amount through; the entry, `[time, amount]`, can be corrected."""
        entry = [now, amount]
        self._entries.append(entry)
        self._total += amount
        return entry

    def correct(self, entry: list[float], amount: float) -> None:
        """Replaces a worst case by what it was."""
        if self._entries and entry[0] >= self._entries[0][0]:  # else it has left the window
            self._total += amount - entry[1]
            entry[1] = amount
