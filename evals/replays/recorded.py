"""A backend that serves what was drawn before and buys nothing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evals.header import BackendNote
from reasoning.backends import scoring
from reasoning.backends.backend import Capabilities, Scores
from reasoning.completion import Completion
from reasoning.draws import draw_key, identity_text
from reasoning.errors import ReasoningError
from reasoning.pricing import price_of
from reasoning.request import Request
from reasoning.store import Store


class NotDrawnError(ReasoningError):
    """A draw is neither in the log nor in the store; what is missing stands in `Recorded.missing`."""


class Recorded:
    """Serves the draws of one problem's record, and those of a store; never buys.

    Args:
        note: The backend that drew them.
        capabilities: What it can do, as far as prompts depend on it.
        store: Where further draws are, with their token log-probabilities.

    Attributes:
        missing: What was asked for in vain, by request and row.
        strange: Whether any of that was a request of which no draw is held at all.
        token_probabilities: Whether log-probabilities are wanted where a request asks for them. The log has none, so
            such draws then come from the store only.
    """

    def __init__(self, note: BackendNote, capabilities: Capabilities, store: Store | None = None) -> None:
        self.spec, self.identity, self.capabilities = note.spec, note.identity, capabilities
        self.missing: set[tuple[str, int]] = set()
        self.strange = False
        self.token_probabilities = False
        self._identity = identity_text(note.identity)
        self._score_identity = identity_text({**note.identity, "verb": "score"})
        self._store = store
        self._price = price_of(note.spec, note.identity) if store is not None else None
        self._drawn: dict[tuple[str, int], Completion] = {}

    def hold(self, completions: Iterable[Completion]) -> None:
        """Serves these from now on, instead of those held before."""
        self._drawn = {(c.request.canonical, c.index): c for c in completions if c.request is not None}

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`.

        Raises:
            NotDrawnError: One of them was never drawn.
        """
        found = self._in_log(request, indices)
        missing = [row for row in indices if row not in found]
        if missing and self._store is not None:
            found |= self._in_store(self._store, request, missing)
        missing = [row for row in indices if row not in found]
        if missing:
            self.missing.update((request.canonical, row) for row in missing)
            self.strange = self.strange or all(asked != request.canonical for asked, _ in self._drawn)
            raise NotDrawnError(f"{self.spec} never drew the rows {missing} of a request.")
        return [found[row] for row in indices]

    def _in_log(self, request: Request, indices: Sequence[int]) -> dict[int, Completion]:
        if self.token_probabilities and request.sampling.logprobs is not None:
            return {}
        held = ((row, self._drawn.get((request.canonical, row))) for row in indices)
        return {row: completion for row, completion in held if completion is not None}

    def _in_store(self, store: Store, request: Request, rows: Sequence[int]) -> dict[int, Completion]:
        found = store.read(draw_key(self._identity, request), request, rows)
        price = self._price
        if price is None:
            return found
        return {
            row: c if c.cost is not None else c.model_copy(update={"cost": price.cost(c.usage)})
            for row, c in found.items()
        }

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`.

        Raises:
            NotDrawnError: One of the texts was never scored.
        """
        found = []
        for text in texts:
            asked = scoring.as_request(request, text)
            kept = self._store.read(draw_key(self._score_identity, asked), asked, [0]) if self._store else {}
            if not kept:
                self.missing.add((asked.canonical, 0))
                raise NotDrawnError(f"{self.spec} never scored a text.")
            found.append(scoring.as_scores(kept[0]))
        return found

    async def aclose(self) -> None:
        """Owns nothing: whoever opened the store closes it."""


def likely_capabilities(completions: Iterable[Completion]) -> Capabilities:
    """What the backend of a run can do, as its draws tell: the log does not say.

    Prompts depend on the form that suits the model; whether it thinks is in the run's header.
    """
    asked = (completion.request for completion in completions if completion.request is not None)
    style = next(("text" if request.prompt is not None else "chat" for request in asked), None)
    told: Mapping[str, Any] = {} if style is None else {"style": style}
    return Capabilities(chat=True, text=True, seed=True, logprobs=20, prefill=True, scoring=True, **told)
