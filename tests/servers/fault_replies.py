"""What the fault server answers: a pure function of what was asked, in the three shapes of the OpenAI API."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fault_server import Behaviour


LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")


class Refusal(Exception):  # noqa: N818 (it is the server's, not ours)
    """The server refuses what was asked."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param


def tokens_of(asked: dict[str, Any]) -> dict[str, int]:
    """The tokens, which here are words, of a request's prompt, of its limit on the answer, and of both."""
    prompt = len(json.dumps(asked.get("messages", asked.get("prompt", asked.get("input")))).split())
    limit = next((asked[name] for name in LIMITS if isinstance(asked.get(name), int)), 0)
    return {"prompt": prompt, "limit": limit, "total": prompt + limit}


@dataclass(frozen=True)
class Reply:
    """An answer, and what of it is sold: the hash of what was asked (less seed and n) and the seed of each draw.

    `written` are the tokens of all its draws, thoughts included.
    """

    body: dict[str, Any]
    asked: str
    seeds: Sequence[int | None]
    written: int = 0


@dataclass(frozen=True)
class Draw:
    """One sample."""

    text: str
    finish: str
    logprobs: int | None
    reasoning: str | None


def reply_to(path: str, asked: dict[str, Any], behaviour: "Behaviour", number: int) -> Reply:
    """Answers the `number`-th request.

    Raises:
        Refusal: The path or a parameter is refused.
    """
    if path == "/v1/models":
        return Reply(
            {
                "object": "list",
                "data": [
                    {"id": behaviour.model or asked.get("model") or "fault", "object": "model", **behaviour.model_card}
                ],
            },
            "",
            [],
        )
    shape = next((s for s in SHAPES if path == f"/v1{s}"), None)
    if shape is None:
        raise Refusal(404, f"Invalid URL (POST {path})")
    for name in behaviour.refuse:
        if name in asked and not (name == "n" and asked["n"] == 1):
            message = f"Unsupported parameter: '{name}' is not supported with this model."
            raise Refusal(400, message, "unsupported_parameter", name)
    stop = [asked["stop"]] if isinstance(asked.get("stop"), str) else asked.get("stop") or []
    if behaviour.most_stop is not None and len(stop) > behaviour.most_stop:
        raise Refusal(400, f"Invalid 'stop': array too long (at most {behaviour.most_stop}).", "array_above_max_length")
    prompt = json.dumps(asked.get("messages", asked.get("prompt", asked.get("input"))))
    if behaviour.context_tokens is not None and len(prompt.split()) > behaviour.context_tokens:
        message = f"This model's maximum context length is {behaviour.context_tokens} tokens."
        raise Refusal(400, message, "context_length_exceeded", "messages")
    _check_limit(asked, len(prompt.split()), behaviour)
    seeds = seeds_of(asked, behaviour, number)
    names = sorted(asked.keys() - {"seed", "n", "stream"})
    key = hashlib.blake2b(json.dumps([asked[name] for name in names]).encode(), digest_size=12).hexdigest()
    draws = [_draw(prompt, seed, asked, stop, behaviour) for seed in seeds]
    body = SHAPES[shape](draws, behaviour, number)
    body["model"] = behaviour.model or asked.get("model")
    body["system_fingerprint"] = fingerprint(behaviour, number)
    if behaviour.usage != "none":
        body["usage"] = _usage(shape, prompt, draws, behaviour)
    sold = seeds if "seed" in asked and asked["seed"] is not None else [None] * len(seeds)
    written = sum(len(draw.text.split()) + len((draw.reasoning or "").split()) for draw in draws)
    return Reply(body, key, sold, written)


def _check_limit(asked: dict[str, Any], read: int, behaviour: "Behaviour") -> None:
    """Refuses a limit beyond what the server writes, or beyond what fits with the prompt, in the words configured."""
    limit = tokens_of(asked)["limit"] or None
    rooms = [behaviour.most_output, behaviour.window - read if behaviour.window is not None else None]
    room = min((tokens for tokens in rooms if tokens is not None), default=None)
    if limit is not None and room is not None and limit > room:
        words = {"sent": limit, "most": behaviour.most_output, "window": behaviour.window, "prompt": read}
        raise Refusal(400, behaviour.limit_refusal.format(**words, total=limit + read), "invalid_request_error")


def seeds_of(asked: dict[str, Any], behaviour: "Behaviour", number: int) -> list[int | None]:
    """The seed that each draw is made from."""
    n = asked.get("n") or 1
    if n > 1 and behaviour.returns_n is not None:
        n = behaviour.returns_n
    seed = asked.get("seed")
    if seed is None or not behaviour.honours_seed:
        return [-1 - number * 1000 - i for i in range(n)] if behaviour.honours_seed else [0] * n
    return [seed + i if behaviour.honours_n_seeds else seed for i in range(n)]


def fingerprint(behaviour: "Behaviour", number: int) -> str:
    """The fingerprint reported with the `number`-th request; it changes as configured."""
    return behaviour.fingerprints[(number - 1) // behaviour.fingerprint_every % len(behaviour.fingerprints)]


def _draw(prompt: str, seed: int | None, asked: dict[str, Any], stop: list[str], behaviour: "Behaviour") -> Draw:
    greedy = asked.get("temperature") == 0
    digest = hashlib.blake2b(f"{prompt}|{None if greedy else seed}".encode(), digest_size=8).digest()
    text = behaviour.text.format(number=10 + int.from_bytes(digest, "big") % behaviour.answers, seed=seed)
    finish = behaviour.finish
    ends = [at for at in (text.find(mark) for mark in stop) if at >= 0] if behaviour.honours_stop else []
    if ends:
        text, finish = text[: min(ends)], "stop"
    thoughts = behaviour.reasoning
    if behaviour.reasoning_words:
        thoughts = " ".join(["Hmm."] * behaviour.reasoning_words)
    most = tokens_of(asked)["limit"] or None
    thought = len((thoughts or "").split()) if behaviour.reasoning_words else 0
    if most is not None and thought + len(text.split()) > most:
        thoughts = " ".join(thoughts.split()[:most]) if thoughts and behaviour.reasoning_words else thoughts
        text, finish = " ".join(text.split()[: max(most - thought, 0)]), "length"
    wanted = asked.get("logprobs")
    if wanted is True:
        wanted = asked.get("top_logprobs") or 0
    if asked.get("include"):
        wanted = asked.get("top_logprobs") or 0
    return Draw(text, finish, None if wanted in (None, False) else int(wanted), thoughts)


def _chat(draws: list[Draw], behaviour: "Behaviour", number: int) -> dict[str, Any]:
    choices = []
    for index, draw in enumerate(draws):
        message: dict[str, Any] = {"role": "assistant", "content": draw.text, "refusal": None}
        if behaviour.refusal is not None:
            message |= {"content": None, "refusal": behaviour.refusal}
        if draw.reasoning is not None and behaviour.reasoning_field == "inline":
            opening, closing = behaviour.reasoning_tags
            cut = draw.finish == "length" and not draw.text
            message["content"] = f"{opening}{draw.reasoning}" + ("" if cut else f"{closing}{draw.text}")
        elif draw.reasoning is not None and behaviour.reasoning_field == "parts":
            half = len(draw.text) // 2
            message["content"] = [
                {"type": "thinking", "thinking": [{"type": "text", "text": draw.reasoning}], "closed": True},
                {"type": "text", "text": draw.text[:half]},
                {"type": "reference", "reference_ids": [1]},
                {"type": "text", "text": draw.text[half:]},
            ]
        elif draw.reasoning is not None and behaviour.reasoning_field != "hidden":
            message[behaviour.reasoning_field] = draw.reasoning
        logprobs = None if draw.logprobs is None else {"content": _token_logprobs(draw)}
        choices.append({"index": index, "message": message, "finish_reason": draw.finish, "logprobs": logprobs})
    return {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 0, "choices": choices}


def _text(draws: list[Draw], behaviour: "Behaviour", number: int) -> dict[str, Any]:
    choices = []
    for index, draw in enumerate(draws):
        logprobs = None
        if draw.logprobs is not None:
            entries = _token_logprobs(draw)
            logprobs = {
                "tokens": [entry["token"] for entry in entries],
                "token_logprobs": [entry["logprob"] for entry in entries],
                "top_logprobs": [{top["token"]: top["logprob"] for top in entry["top_logprobs"]} for entry in entries],
                "text_offset": [0] * len(entries),
            }
        choices.append({"index": index, "text": draw.text, "finish_reason": draw.finish, "logprobs": logprobs})
    return {"id": f"cmpl-{number}", "object": "text_completion", "created": 0, "choices": choices}


def _responses(draws: list[Draw], behaviour: "Behaviour", number: int) -> dict[str, Any]:
    draw = draws[0]
    output: list[dict[str, Any]] = []
    if draw.reasoning is not None:
        shown = [] if behaviour.reasoning_field == "hidden" else [{"type": "summary_text", "text": draw.reasoning}]
        output.append({"type": "reasoning", "id": "rs_1", "summary": shown})
    part: dict[str, Any] = {"type": "output_text", "text": draw.text, "annotations": []}
    if draw.logprobs is not None:
        part["logprobs"] = _token_logprobs(draw)
    if behaviour.refusal is not None:
        part = {"type": "refusal", "refusal": behaviour.refusal}
    output.append({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]})
    why = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(draw.finish)
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 0,
        "status": "incomplete" if why else "completed",
        "incomplete_details": {"reason": why} if why else None,
        "error": None,
        "output": output,
    }


SHAPES = {"/chat/completions": _chat, "/completions": _text, "/responses": _responses}


def _token_logprobs(draw: Draw) -> list[dict[str, Any]]:
    words = draw.text.split(" ")
    tokens = [word if place == 0 else f" {word}" for place, word in enumerate(words)]
    top = [{"token": f"t{rank}", "logprob": -0.5 - rank} for rank in range(draw.logprobs or 0)]
    return [{"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": top} for token in tokens]


def _usage(shape: str, prompt: str, draws: list[Draw], behaviour: "Behaviour") -> dict[str, Any]:
    counted = draws[:1] if behaviour.usage == "one_child" else draws
    hidden = sum(len((draw.reasoning or "").split()) for draw in counted)
    written = sum(len(draw.text.split()) for draw in counted) + hidden
    read = len(prompt.split())
    if shape == "/responses":
        return {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": behaviour.cached_tokens},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": hidden},
            "total_tokens": read + written,
        }
    usage: dict[str, Any] = {
        "prompt_tokens": read,
        "completion_tokens": written - (hidden if behaviour.usage == "outside" else 0),
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": behaviour.cached_tokens},
    }
    if behaviour.usage == "top_level":
        usage["reasoning_tokens"] = hidden
    elif behaviour.usage not in ("no_details", "outside"):
        usage["completion_tokens_details"] = {"reasoning_tokens": hidden}
    return usage
