"""How many draws came from the store and not from the model, and how old they are."""

import weakref
from collections.abc import Iterable


class Recalled:
    """Draws that were taken from the store since this began to count.

    Args:
        before: The moment (Unix milliseconds) from which on a stored draw does not count: it was bought meanwhile.

    Attributes:
        draws: How many.
        oldest: When the oldest of them was stored, in Unix milliseconds; None for none.
        newest: When the newest of them was.
    """

    def __init__(self, before: int) -> None:
        self.before = before
        self.draws = 0
        self.oldest: int | None = None
        self.newest: int | None = None

    def add(self, stored: Iterable[int]) -> None:
        """Counts draws by the moments at which they were stored."""
        for moment in stored:
            if moment < self.before:
                self.draws += 1
                self.oldest = moment if self.oldest is None else min(self.oldest, moment)
                self.newest = moment if self.newest is None else max(self.newest, moment)


class Recalls:
    """What comes from the store, for all who count it."""

    def __init__(self) -> None:
        self._counting: weakref.WeakSet[Recalled] = weakref.WeakSet()

    def counted(self, before: int) -> Recalled:
        """Counts from now on, for as long as it is kept; see `Recalled`."""
        found = Recalled(before)
        self._counting.add(found)
        return found

    def add(self, stored: Iterable[int]) -> None:
        """Tells of draws that came from the store."""
        moments = tuple(stored)
        for one in self._counting:
            one.add(moments)
