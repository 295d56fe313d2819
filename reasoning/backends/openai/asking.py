"""What a server makes of a request, as far as it tells: llama.cpp's and vLLM's calls beside the protocol's own."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from reasoning.backends.explaining import Explained, settings_asked
from reasoning.backends.llama_cpp.wire import token_texts
from reasoning.backends.openai.faults import Trouble
from reasoning.backends.openai.form import Form
from reasoning.request import Request

Post = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any] | Trouble]]

DEFAULTS_UNKNOWN = "What the server adds by defaults of its own is not known."
PROMPT_UNKNOWN = "The server does not tell how it renders and tokenises a prompt."
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_WHOLE = {"add_special": True, "parse_special": True, "with_pieces": True}
"""llama.cpp's words for tokenising as a completion does, and for telling the tokens' texts."""


def as_sent(form: Form, request: Request, further: Mapping[str, Any]) -> Explained:
    """A request as it goes over the wire.

    Args:
        form: The request's body, and what had to be left out of it.
        request: What was asked.
        further: Fields that a person adds to every body.
    """
    asked = settings_asked(request.sampling)
    limited = any(name in form.body for name in _LIMITS)
    sent = {name: value for name, value in asked.items() if name in form.body or (name == "max_tokens" and limited)}
    if limited and form.limit is not None:
        sent["max_tokens"] = form.limit
    return Explained(
        stop=request.sampling.stop, settings={**sent, **further}, notes=(*form.degradations, DEFAULTS_UNKNOWN)
    )


async def prompt_of(post: Post, url: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The prompt's fields of `Explained`, as far as the server tells them.

    Args:
        post: Posts a body to a path or URL.
        url: The endpoint's base URL.
        body: The request's body; its `prompt` or its `messages` count.
    """
    root = url.removesuffix("/v1")
    model, text = body["model"], body.get("prompt")
    if text is None:
        rendered = await post(f"{root}/apply-template", body)
        text = rendered.get("prompt") if isinstance(rendered, dict) else None
    wanted = {"prompt": text, "content": text, **_WHOLE} if text is not None else dict(body)
    found = await post(f"{root}/tokenize", {**wanted, "model": model, "return_token_strs": True})
    tokens = found.get("tokens") if isinstance(found, dict) else None
    if not isinstance(tokens, list) or not isinstance(found, dict):
        return {"rendered": text}
    if all(isinstance(token, int) for token in tokens):  # vLLM
        if text is None:
            whole = await post(f"{root}/detokenize", {"model": model, "tokens": tokens})
            text = whole.get("prompt") if isinstance(whole, dict) else None
        return {"rendered": text, "token_ids": tuple(tokens), "tokens": _strings(found.get("token_strs"))}
    return {"rendered": text, "token_ids": tuple(token["id"] for token in tokens), "tokens": token_texts(tokens)}


def _strings(found: Sequence[str] | None) -> tuple[str, ...] | None:
    return tuple(found) if found else None
