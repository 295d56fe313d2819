"""Where a run's draws come from: how many a store held before the run began, and how old they are."""

from datetime import UTC, datetime
from pathlib import Path

from evals.header import BackendNote, StoreNote
from reasoning.backends.backend import Backend
from reasoning.backends.recalled import Recalled, Recalls


class Origin:
    """Counts what one backend takes from its store in this session of a run.

    Args:
        backend: The backend.
        held: Its note of earlier sessions.
        started: When the run began, ISO 8601: what is stored later was bought by the run itself, or beside it.
    """

    def __init__(self, backend: Backend, held: BackendNote, started: str) -> None:
        path: Path | None = getattr(backend, "store_path", None)
        recalls: Recalls | None = getattr(backend, "recalls", None)
        before = int(datetime.fromisoformat(started).timestamp() * 1000)
        self._path = path
        self._held = held.store
        self._now = None if path is None or recalls is None else recalls.counted(before)

    def note(self) -> StoreNote | None:
        """What came from the store so far, over all sessions; None where there is none."""
        if self._path is None:
            return self._held
        held, now = self._held or StoreNote(path=str(self._path)), self._now or Recalled(0)
        moments = [moment for moment in (held.oldest, held.newest, _iso(now.oldest), _iso(now.newest)) if moment]
        return StoreNote(
            path=str(self._path),
            draws=held.draws + now.draws,
            oldest=min(moments, default=None),
            newest=max(moments, default=None),
        )


def _iso(moment: int | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="seconds")
