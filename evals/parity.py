"""Where two backends part ways on one prompt, and why: a pure comparison of what each made of it.

The causes are looked for in the order in which a request passes them: the chat template renders a text, the tokenizer
cuts it, settings steer the decoding, and only then do the model's numbers count. The first one that differs is the
verdict; what comes after it proves nothing any more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from evals.parting import Parting, common, parting, shift
from reasoning.backends.explaining import Explained
from reasoning.backends.opened import OpenedBackend
from reasoning.completion import Completion
from reasoning.request import Request

Verdict = Literal["same", "numerics", "weights", "unknown", "settings", "tokenizer", "template", "failed"]
"""What a difference comes from, the earlier cause last:

- same: the greedy texts are the same;
- numerics: other arithmetic on the same weights: the numbers differ by at most `SHIFT_NATS` and `NUMERICS_NATS`;
- weights: they differ by more: other weights, or the same ones quantised or computed in another precision;
- unknown: the texts differ, and without log-probabilities nobody can say more;
- settings, tokenizer, template: the models were not asked the same;
- failed: one of them gave no answer.
"""

SHIFT_NATS = 0.1
"""Up to here the median difference of log-probability on tokens that both chose is taken for other arithmetic, …"""
NUMERICS_NATS = 0.75
"""… and up to here the difference of their odds at the token where they part. `docs/parity.md` has what was measured:
at most 0.05 and 0.55 nats for other arithmetic, 1.8 nats and more for the same weights in 4 bits."""


class Seen(BaseModel):
    """What one backend made of a prompt.

    Attributes:
        backend: Its name in what is said.
        explained: What it made of the request.
        completion: Its greedy draw, with log-probabilities and alternatives where it has them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: str
    explained: Explained
    completion: Completion


class Found(BaseModel):
    """Two backends on one prompt.

    Attributes:
        verdict: See `Verdict`.
        told: The evidence, one sentence.
        parting: Where the texts differ.
        shift: The median difference of log-probability over the tokens that both chose in the same place, in nats.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    told: str
    parting: Parting | None = None
    shift: float | None = None


def compare(a: Seen, b: Seen) -> Found:
    """Where two backends part ways on one prompt, and why."""
    parted, drift = parting(a.completion, b.completion), shift(a.completion, b.completion)

    def found(verdict: Verdict, told: str) -> Found:
        return Found(verdict=verdict, told=told, parting=parted, shift=drift)

    for seen in (a, b):
        if (failure := seen.completion.failure) is not None:
            return found("failed", f"{seen.backend} gave no answer: {failure.message}.")
    before_the_model: tuple[tuple[Verdict, Callable[[Seen, Seen], str | None]], ...]
    before_the_model = (("template", _template), ("tokenizer", _other_tokens), ("settings", _settings))
    for verdict, differ in before_the_model:
        if told := differ(a, b):
            return found(verdict, told)
    if parted is None:
        return found("same", "The greedy texts are the same" + (f"; {_drift(drift)}." if drift is not None else "."))
    if parted.nats is None and drift is None:
        return found("unknown", "The texts differ, and there are no log-probabilities to say by how much.")
    numerics = (parted.nats or 0.0) <= NUMERICS_NATS and (drift or 0.0) <= SHIFT_NATS
    return found("numerics" if numerics else "weights", _numbers(parted, drift, numerics))


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over several prompts: the earliest cause that any of them shows."""
    order = get_args(Verdict)
    return max(verdicts, key=order.index, default="same")


async def look(name: str, backend: OpenedBackend, requests: Sequence[Request]) -> list[Seen]:
    """What a backend makes of requests: each is explained and drawn greedily, with all alternatives that it gives.

    Args:
        name: The backend's, in what is said.
        backend: Open, and without a store, so that what is seen is what it does now.
        requests: Greedy ones.

    Raises:
        BackendError: The engine is gone.
    """
    most = backend.capabilities.logprobs
    seen = []
    for request in requests:
        sampling = request.sampling.model_copy(update={"logprobs": most})
        explained = await backend.explain(request)
        (completion,) = await backend.complete(request.model_copy(update={"sampling": sampling}), [0])
        seen.append(Seen(backend=name, explained=explained, completion=completion))
    return seen


# Before the model


def _template(a: Seen, b: Seen) -> str | None:
    first, second = a.explained.rendered, b.explained.rendered
    if first is not None and second is not None:
        if first == second:
            return None
        at = common(first, second)
        return (
            f"The rendered prompts differ from character {at} on: {a.backend} has {_cut(first, at)}, "
            f"{b.backend} {_cut(second, at)}."
        )
    request = a.completion.request
    if request is not None and request.messages and (told := _other_tokens(a, b)):
        return f"{told} One of them does not tell what it rendered: most likely another chat template."
    return None


def _other_tokens(a: Seen, b: Seen) -> str | None:
    """How the prompts' tokens differ; by their number where one of them does not tell their ids."""
    first, second = a.explained.token_ids, b.explained.token_ids
    if first is not None and second is not None:
        if first == second:
            return None
        at = common(first, second)
        return (
            f"The prompt's token ids differ from number {at} on: {a.backend} has {_token(a.explained, at)} of "
            f"{len(first)}, {b.backend} {_token(b.explained, at)} of {len(second)}."
        )
    counts = _prompt_tokens(a), _prompt_tokens(b)
    if None in counts or counts[0] == counts[1]:
        return None
    return f"The prompt has {counts[0]} tokens for {a.backend} and {counts[1]} for {b.backend}."


def _settings(a: Seen, b: Seen) -> str | None:
    first, second = ({**seen.explained.settings, "stop": list(seen.explained.stop)} for seen in (a, b))
    differ = sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
    if not differ:
        return None
    shown = "; ".join(f"{name} is {_value(first, name)} and {_value(second, name)}" for name in differ)
    return f"The settings in force differ between {a.backend} and {b.backend}: {shown}."


def _numbers(parted: Parting, drift: float | None, numerics: bool) -> str:
    first, second = parted.tokens
    gaps = [
        f"{'at least ' if bound else ''}{gap:.3f}" if gap is not None else "unknown"
        for gap, bound in zip(parted.gaps, parted.bounds, strict=True)
    ]
    told = (
        f"Token {parted.place} is {first!r} for one and {second!r} for the other; each prefers its own by {gaps[0]} "
        f"and {gaps[1]} nats"
    )
    drifted = f"; {_drift(drift)}" if drift is not None else ""
    rule = "no more than" if numerics else "more than"
    return f"{told}{drifted}: {rule} other arithmetic does ({NUMERICS_NATS} and {SHIFT_NATS})."


def _drift(nats: float) -> str:
    return f"on tokens that both chose, log-probabilities differ by {nats:.4f} nats (median)"


# In words


def _cut(text: str, at: int) -> str:
    return repr(text[max(0, at - 12) : at + 28]) if at < len(text) else "nothing more"


def _token(explained: Explained, at: int) -> str:
    ids = explained.token_ids or ()
    if at >= len(ids):
        return "no more"
    return f"{ids[at]} ({explained.tokens[at]!r})" if explained.tokens is not None else str(ids[at])


def _prompt_tokens(seen: Seen) -> int | None:
    if seen.explained.token_ids is not None:
        return len(seen.explained.token_ids)
    usage = seen.completion.usage
    return None if usage.estimated or not usage.prompt_tokens else usage.prompt_tokens


def _value(settings: Mapping[str, Any], name: str) -> str:
    return repr(settings[name]) if name in settings else "unset"
