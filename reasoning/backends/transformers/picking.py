"""Picks each row's next token, and says where rounding errors could have picked another.

Unset settings are neutral; the temperature comes first, then top-k, top-p, min-p, as in transformers and vLLM. The
model's own generation config (repetition penalty and the like) is not applied: a draw is what was asked for.

Each filter comes to a threshold on the scaled logits z = logits / T. A pick is *sure* where no change of any logit by
up to `margin` can change it: the winner leads by more than that, and neither it nor a token that would beat it stands
at the edge of a filter.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from reasoning.backends.transformers.noise import gumbel
from reasoning.sampling import Sampling

_HEAD = 1024
"""Tokens that are sorted for the filters; all of them only where these hold too little mass."""
_MASS = 1e-4
"""Error of a cumulated probability that a sure pick withstands."""


@dataclass(frozen=True)
class Setting:
    """How one row's next token is picked."""

    sampling: Sampling
    seed: int
    step: int

    @property
    def temperature(self) -> float:
        """The temperature; 1 where it is not set."""
        return 1.0 if self.sampling.temperature is None else self.sampling.temperature


@dataclass(frozen=True)
class Picks:
    """The token of each row, whether it is sure, and whether its logits were finite numbers."""

    tokens: list[int]
    sure: list[bool]
    finite: list[bool]


def pick(logits: Any, settings: Sequence[Setting], margin: float = 0.0) -> Picks:
    """Picks a token for each row of `logits` (rows × vocabulary, float32)."""
    greedy = [at for at, one in enumerate(settings) if one.sampling.greedy]
    drawn = [at for at, one in enumerate(settings) if not one.sampling.greedy]
    if not drawn:
        return _likeliest(logits, margin)
    if not greedy:
        return _drawn(logits, settings, margin)
    tokens, sure, finite = [0] * len(settings), [False] * len(settings), [False] * len(settings)
    parts = (
        (greedy, _likeliest(logits[greedy], margin)),
        (drawn, _drawn(logits[drawn], [settings[at] for at in drawn], margin)),
    )
    for places, picks in parts:
        for at, token, is_sure, is_finite in zip(places, picks.tokens, picks.sure, picks.finite, strict=True):
            tokens[at], sure[at], finite[at] = token, is_sure, is_finite
    return Picks(tokens, sure, finite)


def logprobs(logits: Any, tokens: Sequence[int], alternatives: int) -> list[tuple[float, list[tuple[int, float]]]]:
    """For each row the chosen token's log-probability, and the likeliest tokens with theirs.

    They are the model's own: before temperature, top-k and the like.
    """
    values = logits.log_softmax(-1)
    chosen = values.gather(1, torch.tensor(tokens, device=logits.device)[:, None])[:, 0].tolist()
    if not alternatives:
        return [(value, []) for value in chosen]
    top = values.topk(min(alternatives, values.shape[-1]))
    pairs = zip(chosen, top.indices.tolist(), top.values.tolist(), strict=True)
    return [(value, list(zip(ids, theirs, strict=True))) for value, ids, theirs in pairs]


def _likeliest(logits: Any, margin: float) -> Picks:
    first = logits.topk(2)
    sure = first.values[:, 0] - first.values[:, 1] >= 2 * margin
    return Picks(first.indices[:, 0].tolist(), sure.tolist(), first.values[:, 0].isfinite().tolist())


def _drawn(logits: Any, settings: Sequence[Setting], margin: float) -> Picks:
    device = logits.device
    heat = torch.tensor([one.temperature for one in settings], device=device)[:, None]
    z, slack = logits / heat, margin / heat
    scores = gumbel([one.seed for one in settings], [one.step for one in settings], z.shape[-1], device).add_(z)
    filtered = [at for at, one in enumerate(settings) if _filters(one.sampling)]
    doubtful = torch.zeros(len(settings), dtype=torch.bool, device=device)
    if filtered:
        low, high, best, lead = _thresholds(z[filtered], [settings[at].sampling for at in filtered], slack[filtered])
        scores[filtered] = scores[filtered].masked_fill(z[filtered] < low, -math.inf)
        won = z[filtered].gather(1, scores[filtered].argmax(-1, keepdim=True))
        inside = (won >= high) | ((won >= best) & (lead >= 2 * slack[filtered]))
        doubtful[filtered] = ~inside[:, 0]
    first = scores.topk(2)
    gap = first.values[:, 0] - first.values[:, 1]
    sure = (gap >= 2 * slack[:, 0]) & ~doubtful if margin else ~torch.zeros_like(doubtful)
    return Picks(first.indices[:, 0].tolist(), sure.tolist(), first.values[:, 0].isfinite().tolist())


def _filters(sampling: Sampling) -> bool:
    return sampling.top_k is not None or (sampling.top_p or 1.0) < 1.0 or bool(sampling.min_p)


def _thresholds(z: Any, samplings: Sequence[Sampling], slack: Any) -> tuple[Any, Any, Any, Any]:
    """For each row the threshold at its lowest and its highest, the greatest z, and its lead over the second."""
    vocabulary, device = z.shape[-1], z.device
    sizes = [min(one.top_k or vocabulary, vocabulary) for one in samplings]
    masses = [1.0 if one.top_p is None else one.top_p for one in samplings]
    floors = [math.log(one.min_p) if one.min_p else -math.inf for one in samplings]
    size = torch.tensor(sizes, device=device)[:, None]
    mass = torch.tensor(masses, device=device)[:, None]
    floor = torch.tensor(floors, device=device)[:, None]
    spare = _MASS * (slack > 0)

    def cumulated(count: int) -> tuple[Any, Any, Any]:
        """The greatest z in order, their mass before each and with it, among those that top-k keeps."""
        head = z.topk(count).values
        kept = torch.arange(count, device=device) < size
        whole = torch.where(
            size < vocabulary, head.masked_fill(~kept, -math.inf).logsumexp(-1, True), z.logsumexp(-1, True)
        )
        each = (head - whole).exp().masked_fill_(~kept, 0.0)
        through = each.cumsum(-1)
        return head, through - each, through

    count = min(vocabulary, max(_HEAD, max((k for k in sizes if k < vocabulary), default=0)))
    head, before, through = cumulated(count)
    cut_early = (mass < 1.0) & (size > count) & (through[:, -1:] < mass + spare)
    if count < vocabulary and bool(cut_early.any()):
        head, before, through = cumulated(vocabulary)
    best, lead = head[:, :1], head[:, :1] - head[:, 1:2]

    def edge(most: Any) -> Any:
        """The least z that top-p and top-k keep, where top-p holds so much mass; none where it holds all."""
        inside = ((before < most) | (most >= 1.0)).sum(-1, keepdim=True).clamp(min=1)
        last = torch.minimum(inside, size).clamp(max=head.shape[-1])
        unbounded = (most >= 1.0) & (size >= vocabulary)
        return head.gather(1, last - 1).masked_fill(unbounded, -math.inf)

    low = torch.maximum(edge(mass + spare), best + floor) - 2 * slack
    high = torch.maximum(edge(mass - spare), best + floor) + 2 * slack
    return low, high, best, lead
