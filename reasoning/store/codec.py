"""A draw as bytes and back.

What most draws have stands in columns (usage, cost) or in rows shared by many draws (the request, the rendered prompt,
the served model); the rest is JSON, zlib-compressed. zlib's own checksum tells a damaged row from a sound one.
"""

import json
import zlib
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel
from pydantic_core import from_json

from reasoning.completion import Completion
from reasoning.request import Request
from reasoning.usage import Usage

_LEVEL = 6


class DrawRow(NamedTuple):
    """The columns of a draw, in the order in which they are written and selected."""

    row: int
    created: int
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    estimated: int
    cost: float | None
    data: bytes


M = TypeVar("M", bound=BaseModel)

_DEFAULTS = {name: value.default for name, value in Completion.model_fields.items()}
_FIELDS: dict[type[BaseModel], set[str]] = {model: set(model.model_fields) for model in (Completion, Usage)}
_NESTED = {"logprobs", "billed", "degradations"}  # what JSON gives in another form than the model's

COLUMNS = ", ".join(DrawRow._fields)


class Shared(NamedTuple):
    """What draws of one request have in common: the served model, its fingerprint and the rendered prompt."""

    model: str | None
    fingerprint: str | None
    rendered: str | None


def squeeze(text: str) -> bytes:
    """A text, compressed; a model's lone surrogates survive."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"), _LEVEL)


def stretch(data: bytes) -> str:
    """The text that `squeeze` was given."""
    return zlib.decompress(data).decode("utf-8", "surrogatepass")


def encode(completion: Completion, created: int) -> DrawRow:
    """The columns of a draw that was bought at `created` (Unix milliseconds)."""
    c, usage = completion, completion.usage
    rest: dict[str, Any] = {"text": c.text, "latency_s": c.latency_s}
    if c.finish != "stop":
        rest["finish"] = c.finish
    if c.seed is not None:
        rest["seed"] = c.seed
    if c.reasoning is not None:
        rest["reasoning"] = c.reasoning
    if c.degradations:
        rest["degradations"] = c.degradations
    if c.billed is not None:
        rest["billed"] = c.billed.model_dump(exclude_defaults=True)
    if c.logprobs is not None:
        rest["logprobs"] = c.logprobs.model_dump(exclude_defaults=True)
    return DrawRow(
        row=c.index,
        created=created,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cached_tokens=usage.cached_tokens,
        estimated=usage.estimated,
        cost=c.cost,
        data=squeeze(json.dumps(rest, ensure_ascii=False, separators=(",", ":"))),
    )


def decode(draw: DrawRow, shared: Shared, request: Request) -> Completion:
    """The completion that `encode` was given, with its request.

    Raises:
        ValueError, zlib.error: The row is damaged.
    """
    rest = _rest(zlib.decompress(draw.data))
    if not _NESTED.isdisjoint(rest):
        rest = _nested(rest)
    usage = _trusted(
        Usage,
        {
            "prompt_tokens": draw.prompt_tokens,
            "completion_tokens": draw.completion_tokens,
            "reasoning_tokens": draw.reasoning_tokens,
            "cached_tokens": draw.cached_tokens,
            "estimated": bool(draw.estimated),
        },
    )
    return _trusted(
        Completion,
        {
            **_DEFAULTS,
            **rest,
            "index": draw.row,
            "usage": usage,
            "cost": draw.cost,
            "model": shared.model,
            "fingerprint": shared.fingerprint,
            "rendered": shared.rendered,
            "request": request,
        },
    )


def _nested(rest: dict[str, Any]) -> dict[str, Any]:
    checked = Completion.model_validate({"index": 0, **rest})
    return {name: getattr(checked, name) for name in rest}


def _trusted(model: type[M], values: dict[str, Any]) -> M:
    """A model of values that it has itself given before: what `model_construct` does, at a quarter of its time.

    All share one set of field names (2 KB each): frozen models never change it, and copies copy it.
    """
    made = model.__new__(model)
    object.__setattr__(made, "__dict__", values)
    object.__setattr__(made, "__pydantic_fields_set__", _FIELDS[model])
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


def _rest(data: bytes) -> dict[str, Any]:
    try:
        rest: dict[str, Any] = from_json(data)
    except ValueError:  # lone surrogates, which only the standard library reads
        rest = json.loads(data)
    return rest
