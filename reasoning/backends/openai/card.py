"""What a server tells of itself and its model where it is asked: vLLM, SGLang, llama.cpp, Groq and others do."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Get = Callable[[str], Awaitable[Any]]
"""Gets a URL's JSON; None where there is none, whatever the cause."""

_WINDOWS = ("max_model_len", "context_length", "context_window", "max_context_length", "loaded_context_length")
_OUTPUTS = ("max_completion_tokens", "max_output_tokens")
_LEAST = 256  # what is less is no window


@dataclass(frozen=True)
class Card:
    """What is told; None is "not told".

    Attributes:
        context_tokens: Prompt and completion tokens that fit together.
        most_output: Most tokens of a reply.
        engine: The server's software, by the name that it gives its models' owner, e.g. `"vllm"`.
    """

    context_tokens: int | None = None
    most_output: int | None = None
    engine: str | None = None


async def card_of(get: Get, url: str, model: str) -> Card:
    """A model's card: one request, for llama.cpp two; one that fails tells nothing.

    Args:
        get: Gets a URL.
        url: The endpoint's base URL.
        model: The model's name as it is asked for.
    """
    listed = await get(f"{url}/models")
    cards = listed.get("data") if isinstance(listed, Mapping) else None
    found = [card for card in cards if isinstance(card, Mapping)] if isinstance(cards, list) else []
    own = next((card for card in found if card.get("id") == model), found[0] if len(found) == 1 else {})
    owner = own.get("owned_by")
    engine = owner.lower() if isinstance(owner, str) else None
    context = _first(own, _WINDOWS)
    if engine == "llamacpp":
        props = await get(f"{url.removesuffix('/v1')}/props")
        settings = props.get("default_generation_settings") if isinstance(props, Mapping) else None
        context = _first(settings, ("n_ctx",)) or context
    return Card(context, _first(own, _OUTPUTS), engine)


def _first(card: object, names: Iterable[str]) -> int | None:
    if not isinstance(card, Mapping):
        return None
    values = (card.get(name) for name in names)
    return next((value for value in values if type(value) is int and value >= _LEAST), None)
