"""The texts of one line of a run log, each written once.

A row of the table is a text, or a list of pieces that make one up: a text, or the number of an earlier row. A prompt
that holds the question, a follow-up prompt that repeats the first one and its reply, a rendered chat: each is written
as pieces, so that what it shares with an earlier text costs a few bytes. Row 0 is the question.
"""

from collections.abc import Iterable, Sequence

Row = str | list[str | int]

_LEAST = 8
"""Characters that a shared stretch must have: below that, naming it costs as much as writing it."""


class Texts:
    """Builds the table of one line."""

    def __init__(self, question: str) -> None:
        self.rows: list[Row] = [question]
        self._row_of = {question: 0}

    def add(self, text: str, within: Iterable[str] = ()) -> int:
        """The row of a text; a new one unless the table holds it.

        Args:
            text: The text.
            within: Texts that probably stand in it, in the order in which they would.
        """
        row = self._row_of.get(text)
        if row is None:
            pieces = self._pieces(text, within)
            row = self._row_of[text] = len(self.rows)
            self.rows.append(pieces)
        return row

    def _pieces(self, text: str, within: Iterable[str]) -> Row:
        pieces: list[str | int] = []
        done = 0
        for part in within:
            row = self._row_of.get(part)
            at = text.find(part, done) if row is not None and len(part) >= _LEAST else -1
            if at >= 0:
                assert row is not None
                if at > done:
                    pieces.append(text[done:at])
                pieces.append(row)
                done = at + len(part)
        if not pieces:
            return text
        if done < len(text):
            pieces.append(text[done:])
        return pieces


def read_texts(rows: Sequence[Row]) -> list[str]:
    """The texts of a table, by row."""
    texts: list[str] = []
    for row in rows:
        texts.append(row if isinstance(row, str) else "".join(p if isinstance(p, str) else texts[p] for p in row))
    return texts
