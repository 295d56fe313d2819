"""Standard output and standard error as they are safe to write any text to."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from reasoning.shown import escaped, safe


class SafeStream:
    """A stream on which a model's text is only text.

    Control characters are escaped, and so is what the stream's encoding has no bytes for. All else is the stream's own.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def raw_stream(self) -> TextIO:
        """The stream itself, for a display that draws with escape sequences and makes its texts safe."""
        return self._stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes a text; the number of its characters."""
        shown = safe(text)
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        if not shown.isascii() and not _is_encodable(shown, encoding):
            shown = shown.translate({ord(one): escaped(one) for one in set(shown) if not _is_encodable(one, encoding)})
        self._stream.write(shown)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Writes texts, one after the other."""
        for line in lines:
            self.write(line)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Makes standard output and standard error safe for the time of a `with` block.

    They stay so where it ends with a fault of ours, whose traceback is still to be written.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = SafeStream(sys.stdout), SafeStream(sys.stderr)
    try:
        yield
    except Exception:
        raise
    except BaseException:
        sys.stdout, sys.stderr = before
        raise
    else:
        sys.stdout, sys.stderr = before


def _is_encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
