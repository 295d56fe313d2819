"""How a report's data travel: JSON lines, deflated, as text that HTML cannot mistake for markup.

A page's problems are cut into chunks, which the browser inflates one by one when they are looked at. They are written
as they come, so that memory does not grow with a run.
"""

import base64
import json
import zlib
from typing import IO, Any

from evals.lines import to_bytes

CHUNK_BYTES = 1 << 18
"""Of JSON in a chunk: inflated and parsed in a few milliseconds."""


def deflated(data: bytes) -> str:
    """Data for the browser's `DecompressionStream("deflate-raw")`, in base64."""
    squeezer = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    return base64.b64encode(squeezer.compress(data) + squeezer.flush()).decode("ascii")


def inflated(text: str) -> bytes:
    """The data that `deflated` packed."""
    return zlib.decompress(base64.b64decode(text), wbits=-zlib.MAX_WBITS)


def block(name: str, data: bytes) -> str:
    """A data block of a page: its text holds letters, digits, `+`, `/` and `=` only, whatever the data are."""
    return f'<script type="application/x-deflate" id="{name}">{deflated(data)}</script>\n'


class Chunks:
    """Writes JSON values into data blocks of about `CHUNK_BYTES`.

    Args:
        out: Where the blocks go.
        prefix: Of the blocks' names: `prefix-0`, `prefix-1`, …
    """

    def __init__(self, out: IO[str], prefix: str) -> None:
        self._out, self._prefix = out, prefix
        self._lines: list[bytes] = []
        self._held = 0
        self.written = 0

    def add(self, value: dict[str, Any]) -> tuple[int, int]:
        """Takes in a value; where it is: the chunk's number, and its line in it."""
        line = to_bytes(value)
        if self._lines and self._held + len(line) > CHUNK_BYTES:
            self.flush()
        self._lines.append(line)
        self._held += len(line)
        return self.written, len(self._lines) - 1

    def flush(self) -> None:
        """Writes what is held."""
        if self._lines:
            self._out.write(block(f"{self._prefix}-{self.written}", b"".join(self._lines)))
            self._lines, self._held = [], 0
            self.written += 1


def document(value: Any) -> bytes:
    """A JSON value that browsers take: no NaN or infinity, lone surrogates as escapes."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
