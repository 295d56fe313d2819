"""From the model's token ids to text: stop strings, and each token's own part of the text."""

from collections.abc import Sequence
from typing import Any

_PARTIAL = "\ufffd"
_SPARE = 8


class Texts:
    """Reads token ids.

    Tokens are decoded behind a letter, because some tokenizers drop the space at the start of a text, and what is
    decoded here goes on from a prompt. Special tokens have no text.

    Args:
        tokenizer: The model's.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._letter = list(tokenizer("a", add_special_tokens=False)["input_ids"][-1:])
        self._before = len(self._decode(self._letter))
        self._pieces: dict[int, str] = {}

    def text(self, ids: Sequence[int]) -> str:
        """The text of some tokens that follow others."""
        return self._decode([*self._letter, *ids])[self._before :] if ids else ""

    def piece(self, token: int) -> str:
        """The text of one token; for a part of a character, the replacement character."""
        if token not in self._pieces:
            self._pieces[token] = self.text([token])
        return self._pieces[token]

    def ends_in_stop(self, ids: Sequence[int], stop: Sequence[str]) -> bool:
        """Whether the last token brings a stop string to its end."""
        piece = self.piece(ids[-1])
        if not any(mark[-1] in piece for mark in stop) and _PARTIAL not in piece:
            return False
        most = max(len(mark.encode("utf-8", "replace")) for mark in stop) + _SPARE
        tail = self.text(ids[-most:])
        return any(mark in tail for mark in stop)

    def parts(self, ids: Sequence[int]) -> list[str]:
        """Each token's part of the text; joined they are the text.

        Of several tokens that make one character, the last has it and the others have none.
        """
        parts: list[str] = []
        start = read = 0
        for at in range(1, len(ids) + 1):
            known, now = self.text(ids[start:read]), self.text(ids[start:at])
            if now.endswith(_PARTIAL) or len(now) <= len(known):
                parts.append("")
                continue
            parts.append(now[len(known) :])
            start, read = read, at
        if parts:
            parts[-1] += self.text(ids)[len("".join(parts)) :]
        return parts

    def _decode(self, ids: Sequence[int]) -> str:
        text = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text)


def cut(text: str, stop: Sequence[str]) -> str:
    """A text up to the first of its stop strings."""
    ends = [at for at in (text.find(mark) for mark in stop) if at >= 0]
    return text[: min(ends)] if ends else text
