"""How long a server asks its clients to wait, in whichever of the many ways it says so.

- Headers that are meant for it: `Retry-After-Ms`, and `Retry-After` in seconds or as an HTTP date.
- The body: Google's `retryDelay` of a `RetryInfo` (`"34s"`), or words such as "Please try again in 1m2.5s".
- Headers that say when a limit is reset (`x-ratelimit-reset-requests: 8.64s`): those of a limit of which nothing
  remains, or, where no header says what remains, all of them.

Several of the first two may be given: the longest counts. A reset counts only where nothing else is given, since it can
be the time until the limit is whole again, which is longer than the wait.
"""

import re
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

_UNIT_S = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = r"\d+(?:\.\d+)?\s*(?:milliseconds?|msecs?|ms|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s|days?|d)(?![a-z])"
_DURATION = re.compile(rf"{_PART}(?:[\s,]*(?:and\s+)?{_PART})*", re.IGNORECASE)
_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_WORDS = re.compile(
    r"\b(?:retry(?:ing)?|try again|wait|available again|resets?)\b"
    r"(?:[\s\w]{0,24}?\b(?:in|after|for|at least)|:)?\s*(?=\d)",
    re.IGNORECASE,
)
_RESETS = re.compile(r"(?:x-)?ratelimit-reset(?:-(.+))?")
_EPOCH_S, _EPOCH_MS = 1e9, 1e12  # a number as large as these is a point in time, not a wait


def told_wait(headers: Mapping[str, str], body: object, words: str = "") -> float | None:
    """Seconds that an answer asks to wait; None where it does not say.

    Args:
        headers: Its headers.
        body: Its body: parsed JSON, or text.
        words: The message of the error in it.
    """
    waits = [*_asked(headers), *_delays(body), *_spoken(words)]
    waits = waits or list(_resets({name.lower(): value for name, value in headers.items()}))
    return max(waits, default=None)


def duration(text: str) -> float | None:
    """Seconds of a text such as `"20"`, `"8.64s"`, `"1m2.5s"`, `"450ms"` or `"2 minutes"`; None for anything else."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return max(float(text), 0.0)
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(amount) * _unit(name.lower()) for amount, name in _PARTS.findall(text))


def _unit(name: str) -> float:
    return _UNIT_S["ms"] if name.startswith(("ms", "milli")) else _UNIT_S[name[0]]


def _asked(headers: Mapping[str, str]) -> Iterator[float]:
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        given = headers.get(name)
        if given is None:
            continue
        seconds = duration(given)
        if seconds is None:
            seconds = _until(given)
        if seconds is not None:
            yield seconds * unit if _NUMBER.fullmatch(given.strip()) else seconds


def _until(date: str) -> float | None:
    try:
        return max(parsedate_to_datetime(date).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _delays(body: object, depth: int = 6) -> Iterator[float]:
    """Each `retryDelay` in a body."""
    if depth == 0:
        return
    if isinstance(body, Mapping):
        for name, value in body.items():
            if name in ("retryDelay", "retry_delay", "retry_after") and isinstance(value, str | int | float):
                seconds = duration(str(value))
                if seconds is not None:
                    yield seconds
            else:
                yield from _delays(value, depth - 1)
    elif isinstance(body, list):
        for value in body:
            yield from _delays(value, depth - 1)


def _spoken(words: str) -> Iterator[float]:
    for said in _WORDS.finditer(words):
        found = _DURATION.match(words, said.end())
        if found is not None:
            yield duration(found[0]) or 0.0


def _resets(headers: Mapping[str, str]) -> Iterator[float]:
    for name, value in headers.items():
        found = _RESETS.fullmatch(name)
        if found is None:
            continue
        remaining = headers.get(name.replace("reset", "remaining"))
        if remaining is not None and remaining.strip() not in ("0", "0.0", "-1"):
            continue
        seconds = duration(value)
        if seconds is None:
            continue
        if seconds >= _EPOCH_MS:
            seconds /= 1000
        yield max(seconds - time.time(), 0.0) if seconds >= _EPOCH_S else seconds
