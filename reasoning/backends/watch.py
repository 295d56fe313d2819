"""Watches what is bought for signs that the server is not what it seems, and says so once."""

import logging
from collections.abc import Iterable, Sequence

from reasoning.completion import Completion
from reasoning.request import Request

_log = logging.getLogger(__name__)

REPEATS = 6
"""Draws that only repeated an earlier one before this is called a fault, …"""
PROMPTS = 3
"""… over at least so many prompts."""
_LEAST_CHARACTERS = 16  # a shorter text, such as "B", is often the same by right
_LEAST_TEMPERATURE = 0.1  # below this, sampling is all but greedy
_MOST_PROMPTS = 256  # watched at once, so that memory stays flat

Served = tuple[str | None, str | None]
"""A model's name and fingerprint, as the server reported them."""


class Watch:
    """Notices likely faults of a server; each is logged as a warning once, and kept in `notices`.

    - Draws with distinct seeds at a temperature above 0 give the same text on several prompts: the server ignores
      seeds, or caches by prompt. Votes over such draws are worth one draw.
    - The served model or its fingerprint is not the one that the stored draws came from, or stored draws that are used
      came from several.

    Args:
        spec: Names the backend in the warnings.
        served: The names and fingerprints that the stored draws of this model came from.
    """

    def __init__(self, spec: str, served: set[Served]) -> None:
        self.notices: tuple[str, ...] = ()
        self._spec = spec
        self._names = {name for name, _ in served if name}
        self._fingerprints = {fingerprint for _, fingerprint in served if fingerprint}
        self._renamed = self._changed = False
        self._taken: set[Served] = set()  # what the stored draws that were taken came from
        # the one text of each prompt, and how often it came again; None once settled
        self._texts: dict[bytes, tuple[str, int]] | None = {}

    def bought(self, key: bytes, request: Request, completions: Sequence[Completion]) -> None:
        """Looks at draws that were just bought."""
        for completion in completions:
            self._look_at_served(completion)
        warm = request.sampling.temperature is None or request.sampling.temperature >= _LEAST_TEMPERATURE
        if self._texts is not None and warm:
            self._look_at_texts(key, completions)

    def recalled(self, completions: Iterable[Completion]) -> None:
        """Looks at draws that came from the store."""
        for completion in completions:
            served = (completion.model, completion.fingerprint)
            if served not in self._taken:
                self._look_at_taken(served)

    def _look_at_taken(self, served: Served) -> None:
        for kind, place in (("model", 0), ("fingerprint", 1)):
            before = {one[place] for one in self._taken if one[place] is not None}
            after = before | ({served[place]} if served[place] is not None else set())
            if len(before) == 1 < len(after):
                self._notice(
                    f"The stored draws of {self._spec} that are used here came from more than one {kind} "
                    f"({', '.join(sorted(map(str, after)))}): the server changed meanwhile. Draw anew with --fresh "
                    "where this matters, or tell the two apart with identity=."
                )
        self._taken.add(served)

    def _look_at_served(self, completion: Completion) -> None:
        name, fingerprint = completion.model, completion.fingerprint
        if name and name not in self._names:
            if self._names and not self._renamed:
                self._renamed = True
                self._notice(
                    f"{self._spec} is now served by the model {name!r}, its stored draws came from "
                    f"{', '.join(sorted(self._names))}: the name likely points to another model now. Draw anew with "
                    "--fresh, or tell the two apart with identity=."
                )
            self._names.add(name)
        if fingerprint and fingerprint not in self._fingerprints:
            if self._fingerprints and not self._changed:
                self._changed = True
                self._notice(
                    f"{self._spec} now reports the fingerprint {fingerprint!r}, its stored draws came from "
                    f"{', '.join(sorted(self._fingerprints))}: the server's software or weights likely changed. Draw "
                    "anew with --fresh where this matters."
                )
            self._fingerprints.add(fingerprint)

    def _look_at_texts(self, key: bytes, completions: Sequence[Completion]) -> None:
        texts = self._texts
        assert texts is not None
        for completion in completions:
            if completion.seed is None or len(completion.text) < _LEAST_CHARACTERS:
                continue
            if key not in texts:
                if len(texts) < _MOST_PROMPTS:
                    texts[key] = (completion.text, 0)
            elif texts[key][0] != completion.text:
                self._texts = None  # seeds make a difference
                return
            else:
                texts[key] = (completion.text, texts[key][1] + 1)
        repeats = [again for _, again in texts.values() if again]
        if len(repeats) >= PROMPTS and sum(repeats) >= REPEATS:
            self._texts = None
            self._notice(
                f"{self._spec} gave the same text for distinct seeds on {len(repeats)} prompts at a temperature above "
                "0: the server likely ignores seeds or caches by prompt, and a vote over its draws is worth one draw."
            )

    def _notice(self, sentence: str) -> None:
        self.notices = (*self.notices, sentence)
        _log.warning("%s", sentence)
