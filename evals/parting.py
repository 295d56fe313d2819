"""The first token at which two greedy texts part, and what the models' numbers say of it. Pure functions."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from pydantic import BaseModel, ConfigDict

from reasoning.completion import Completion, Logprobs

END = "(end)"
"""Stands for the token that ends a text."""
_ENDS = ("", "</s>", "<eos>", "<end_of_turn>")


class Parting(BaseModel):
    """The first greedy token that differs.

    Attributes:
        place: Which token of the first backend's text it is, from 0.
        before: The text up to there, its end.
        tokens: The token of the first backend and that of the second; `END` where the text ends.
        gaps: Under each backend, by how many nats its own token is likelier than the other's; None where it gives no
            log-probabilities.
        bounds: Whether each gap is only a lower bound: the other's token is not among the alternatives.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: int
    before: str
    tokens: tuple[str, str]
    gaps: tuple[float | None, float | None]
    bounds: tuple[bool, bool]

    @property
    def nats(self) -> float | None:
        """By how much the two models' odds between the two tokens differ, as far as is known: both gaps together."""
        known = [gap for gap in self.gaps if gap is not None]
        return sum(known) if known else None


def parting(first: Completion, second: Completion) -> Parting | None:
    """Where two greedy texts part; None where they are the same, or one of them is none."""
    if first.text == second.text or first.failure or second.failure:
        return None
    at = common(first.text, second.text)
    starts = _starts(first), _starts(second)
    shared = [start for start in (starts[0] or starts[1]) if start in (starts[1] or starts[0])]
    begin = max((start for start in shared if start <= at), default=at)
    places = starts[0].get(begin), starts[1].get(begin)
    tokens = _token_at(first, places[0], begin), _token_at(second, places[1], begin)
    both = None not in places
    here, here_bound = _gap(first.logprobs, places[0], *tokens) if both else (None, False)
    there, there_bound = _gap(second.logprobs, places[1], *reversed(tokens)) if both else (None, False)
    return Parting(
        place=places[0] if places[0] is not None else 0,
        before=first.text[:begin][-40:],
        tokens=tokens,
        gaps=(here, there),
        bounds=(here_bound, there_bound),
    )


def _starts(completion: Completion) -> dict[int, int]:
    """The place of each token by the character at which it begins; that of the text's end too."""
    starts: dict[int, int] = {}
    at = 0
    tokens = completion.logprobs.tokens if completion.logprobs is not None else ()
    for place, token in enumerate(tokens):
        starts.setdefault(at, place)
        at += len(token)
    return starts | {at: len(tokens)} if tokens else {}


def _token_at(completion: Completion, place: int | None, begin: int) -> str:
    if place is None or completion.logprobs is None:
        return completion.text[begin:][:20] or END
    return completion.logprobs.tokens[place] if place < len(completion.logprobs.tokens) else END


def _gap(logprobs: Logprobs | None, place: int | None, own: str, other: str) -> tuple[float | None, bool]:
    """By how many nats a backend's own token is likelier than the other's, and whether that is a lower bound."""
    if logprobs is None or place is None or place >= len(logprobs.top):
        return None, False
    top = logprobs.top[place]
    value = logprobs.values[place]
    known = [p for text, p in top if text == other or (other == END and _is_end(text))]
    if known:
        return max(value - known[0], 0.0), False
    return max(value - min((p for _, p in top), default=value), 0.0), True


def _is_end(token: str) -> bool:
    return token in _ENDS or (token.startswith("<|") and token.endswith("|>"))


def shift(a: Completion, b: Completion) -> float | None:
    """The median difference of log-probability over the tokens that both chose up to where they part, in nats."""
    if a.logprobs is None or b.logprobs is None:
        return None
    shifts = []
    for mine, other, first, second in zip(
        a.logprobs.tokens, b.logprobs.tokens, a.logprobs.values, b.logprobs.values, strict=False
    ):
        if mine != other:
            break
        shifts.append(abs(first - second))
    return median(shifts) if shifts else None


def common(a: Sequence[Any], b: Sequence[Any]) -> int:
    """How many members two sequences have in common from their beginnings."""
    return next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
