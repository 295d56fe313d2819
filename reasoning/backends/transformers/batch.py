"""The running batch: rows join with their prompts, take a step together, and leave when they end.

Draws that do not depend on their company. In float32 the logits of a row differ by some 1e-5 with what it is batched
with: sums are made in another order. That alone would part two texts where two tokens are that close. So a pick that a
change of `MARGIN` in any logit could change is not taken: the row's logits are computed once more, alone and from its
first token, which is a computation that depends on the row only, and the pick is made from these. As long as the error
is below `MARGIN`, every pick is the one of that computation, in whatever company; log-probabilities come from it too.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from reasoning.backends.transformers.cache import RowCache
from reasoning.backends.transformers.picking import Picks, logprobs, pick
from reasoning.backends.transformers.rows import Row

MARGIN = 4e-4
"""Error of a logit in float32 that an exact pick withstands: ten times the largest measured on the embedded model."""
_CHUNK = 512
"""Tokens that are read at once where a row is computed alone."""


class Batch:
    """Rows that are decoded together.

    Args:
        model: A causal language model of transformers.
        exact: Make every draw independent of its company: for a dense model in float32 on a CPU.

    Attributes:
        rows: Those in it, in the cache's order.
        rechecks: Picks that were made from a row's logits alone.
    """

    def __init__(self, model: Any, *, exact: bool) -> None:
        self._model, self._exact = model, exact
        self._device = model.device
        self._takes = inspect.signature(model.forward).parameters  # some models tell positions from the mask
        self._cache_name = "cache" if "cache" in self._takes else "past_key_values"  # its name before transformers 5.2x
        self.rows: list[Row] = []
        self._cache = RowCache()
        self.rechecks = 0

    def join(self, rows: Sequence[Row]) -> Picks:
        """Reads the prompts of new rows, each different one once, and picks each row's next token."""
        different = list(dict.fromkeys(row.ids for row in rows))
        place = {ids: at for at, ids in enumerate(different)}
        sources = [place[row.ids] for row in rows]
        prompts = DynamicCache()
        logits = self._read(different, prompts)
        self._cache.join(prompts, sources)
        self.rows.extend(rows)
        return self._picked(rows, logits[torch.tensor(sources, device=logits.device)])

    def step(self) -> Picks:
        """Reads each row's last token, and picks its next."""
        lengths = torch.tensor([row.length for row in self.rows])
        cache = self._cache.ready()
        columns = len(self._cache) + 1
        mask = None
        if int(lengths.min()) < columns:
            mask = (torch.arange(columns)[None] >= columns - lengths[:, None]).long().to(self._device)
        logits = self._forward(torch.tensor([[row.tokens[-1]] for row in self.rows]), mask, lengths[:, None] - 1, cache)
        self._cache.wrote()
        return self._picked(self.rows, logits)

    def leave(self, gone: Sequence[Row]) -> None:
        """Takes rows out."""
        if not gone:
            return
        places = sorted((self.rows.index(row) for row in gone), reverse=True)
        for place in places:
            last = self.rows.pop()
            if place < len(self.rows):
                self.rows[place] = last
        self._cache.leave(places, max((row.length - 1 for row in self.rows), default=0))

    def drop(self) -> list[Row]:
        """Takes all rows out and frees their memory; they can join again with what they have drawn."""
        rows, self.rows, self._cache = self.rows, [], RowCache()
        return rows

    def free(self) -> None:
        """Lets go of the model and of all memory."""
        self.drop()
        self._model = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def entries(self, row: Row) -> list[tuple[float, list[tuple[int, float]]]]:
        """The log-probabilities of a row's tokens."""
        if not self._exact or row.sampling.logprobs is None or not row.tokens:
            return row.entries
        entries = []
        first = len(row.prompt) - 1
        for at, logits in self._alone(row.ids[:-1], first):
            tokens = row.tokens[at - first : at - first + len(logits)]
            entries += logprobs(logits, tokens, row.sampling.logprobs)
        return entries

    def _picked(self, rows: Sequence[Row], logits: Any) -> Picks:
        picks = pick(logits, [row.setting for row in rows], MARGIN if self._exact else 0.0)
        if self._exact:
            self._recheck(rows, picks)
            return picks
        asked = [at for at, row in enumerate(rows) if row.sampling.logprobs is not None]
        if asked:
            most = max(rows[at].sampling.logprobs or 0 for at in asked)
            found = logprobs(logits[asked], [picks.tokens[at] for at in asked], most)
            for at, (value, top) in zip(asked, found, strict=True):
                rows[at].entries.append((value, top[: rows[at].sampling.logprobs]))
        return picks

    def _recheck(self, rows: Sequence[Row], picks: Picks) -> None:
        known: dict[tuple[int, ...], Any] = {}
        for at, row in enumerate(rows):
            if picks.sure[at] or not picks.finite[at]:
                continue
            if row.ids not in known:
                *_, (_, last) = self._alone(row.ids, row.length - 1)
                known[row.ids] = last
            picks.tokens[at] = pick(known[row.ids], [row.setting]).tokens[0]
            self.rechecks += 1

    def _alone(self, ids: Sequence[int], first: int) -> Any:
        """The logits after each token from place `first` on, in chunks with their first place, computed alone."""
        cache = DynamicCache()
        for start in range(0, len(ids), _CHUNK):
            until = min(start + _CHUNK, len(ids))
            kept = until - max(start, first)
            chunk = torch.tensor([ids[start:until]])
            logits = self._forward(chunk, None, torch.arange(start, until)[None], cache, max(kept, 1))
            if kept > 0:
                yield until - kept, logits
        del cache

    def _read(self, prompts: Sequence[Sequence[int]], cache: Any) -> Any:
        longest = max(len(ids) for ids in prompts)
        pads = torch.tensor([longest - len(ids) for ids in prompts])[:, None]
        tokens = torch.tensor([[ids[0]] * (longest - len(ids)) + list(ids) for ids in prompts])
        columns = torch.arange(longest)[None]
        mask = (columns >= pads).long().to(self._device) if int(pads.max()) else None
        return self._forward(tokens, mask, (columns - pads).clamp(min=0), cache)

    def _forward(self, tokens: Any, mask: Any, positions: Any, cache: Any, kept: int = 1) -> Any:
        """The last logits of each row; of one row, the `kept` last."""
        given = {"position_ids": positions.to(self._device), "logits_to_keep": kept}
        found = self._model(
            input_ids=tokens.to(self._device),
            attention_mask=mask,
            use_cache=True,
            **{self._cache_name: cache},
            **{name: value for name, value in given.items() if name in self._takes},
        )
        return (found.logits[0, -kept:] if kept > 1 else found.logits[:, -1]).float()
