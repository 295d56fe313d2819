"""Between draws and llama.cpp's own completion call: what is sent, and what comes back an event at a time."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from reasoning.backends.billing import billed_in_call
from reasoning.backends.llama_cpp.loopback import LoopbackError
from reasoning.completion import Completion, Failure, FailureKind, Finish, Logprobs
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.thoughts import Tags
from reasoning.usage import Usage

_PART_OF_A_CHARACTER = "\ufffd"


def call_body(sampling: Sampling, prompt: str, seed: int, count: int) -> dict[str, Any]:
    """The JSON that asks for `count` samples, with seeds from `seed` on.

    llama.cpp's own defaults (top-k 40, top-p 0.95, min-p 0.05) never apply: only samplers that are asked for are
    named. The temperature comes first, as in transformers and vLLM, so that top-p and min-p mean the same.
    """
    samplers = [name for name in ("top_k", "top_p", "min_p") if getattr(sampling, name) is not None]
    body: dict[str, Any] = {
        "prompt": prompt,
        "n_predict": -1 if sampling.max_tokens is None else sampling.max_tokens,
        "n_cmpl": count,
        "temperature": 1.0 if sampling.temperature is None else sampling.temperature,
        "samplers": ["temperature", *([] if sampling.greedy else samplers)],
        "stop": list(sampling.stop),
        "stream": True,
    }
    body |= {name: getattr(sampling, name) for name in samplers}
    if sampling.seeded:
        body["seed"] = seed
    if sampling.logprobs is not None:
        body["n_probs"] = max(1, sampling.logprobs)
    return body


class Drawn:
    """One sample, as far as it has come.

    Attributes:
        end: The event that ended it, else None.
        latency_s: Seconds to that event.
    """

    def __init__(self) -> None:
        self.end: Mapping[str, Any] | None = None
        self.latency_s = 0.0
        self._texts: list[str] = []
        self._tokens: list[Mapping[str, Any]] = []

    def add(self, event: Mapping[str, Any], at_s: float) -> bool:
        """Takes an event; True when it is the last."""
        self._texts.append(event["content"])
        self._tokens.extend(event.get("completion_probabilities", ()))
        if event["stop"]:
            self.end, self.latency_s = event, at_s
        return bool(event["stop"])

    @property
    def text(self) -> str:
        """The text so far; the server cuts it at a stop string."""
        return "".join(self._texts)

    def tokens_within(self, spans: Sequence[tuple[int, int]]) -> int:
        """The tokens in parts of the text; those that came at once, as after half a stop string, count as one."""
        ends = list(accumulate(map(len, self._texts)))
        starts = [0, *ends[:-1]]
        return sum(
            any(first <= start < last for first, last in spans)
            for start, end in zip(starts, ends, strict=True)
            if end > start
        )

    def logprobs(self, alternatives: int) -> Logprobs:
        """The log-probabilities of the tokens that the text begins in; those of a stop string are cut with it.

        They are the model's own: before temperature, top-k and the like. llama.cpp gives one entry for several tokens
        that together make one character.
        """
        tokens: list[str] = []
        values: list[float] = []
        top: list[tuple[tuple[str, float], ...]] = []
        left = len(self.text)
        for entry, token in zip(self._tokens, entry_texts(self._tokens), strict=True):
            if left <= 0:
                break
            left -= len(token)
            tokens.append(token)
            values.append(entry["logprob"])
            top.append(tuple((other["token"], other["logprob"]) for other in entry["top_logprobs"][:alternatives]))
        return Logprobs(tokens=tuple(tokens), values=tuple(values), top=tuple(top) if alternatives else ())


def entry_texts(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """The texts of tokens, one for each entry with log-probabilities.

    An entry's own text is what the server let out with it: none while that could have been the beginning of a stop
    string, and then all that was held back. The token's text is what stands among the alternatives under its id; where
    it is not among them, it is what those that came out with it leave over.
    """
    texts: list[str] = []
    held: list[str | None] = []
    for entry in entries:
        held.append(_text_by_id(entry))
        if entry["token"]:
            texts += _resolved(held, entry["token"])
            held = []
    return texts + [text or "" for text in held]


def _text_by_id(entry: Mapping[str, Any]) -> str | None:
    same = (other["token"] for other in entry.get("top_logprobs") or () if other.get("id") == entry.get("id"))
    text = next(same, None)
    return None if text is None or _PART_OF_A_CHARACTER in text else str(text)


def _resolved(held: Sequence[str | None], released: str) -> list[str]:
    if None not in held:
        return [str(text) for text in held]
    at = held.index(None)
    before, after = ["".join(text or "" for text in part) for part in (held[:at], held[at + 1 :])]
    rest = released[len(before) :].removesuffix(after)
    return [text or "" for text in (*held[:at], rest, *held[at + 1 :])]


def token_texts(tokens: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The texts of tokens as `/tokenize` gives them: a part of a character is a list of bytes there."""
    pieces = (token["piece"] for token in tokens)
    return tuple(piece if isinstance(piece, str) else bytes(piece).decode("utf-8", "replace") for piece in pieces)


def completion(
    request: Request,
    index: int,
    seed: int,
    first: bool,
    drawn: Drawn,
    failure: Failure | None,
    shared: Mapping[str, Any],
    tags: Tags | None,
) -> Completion:
    """The completion of one sample.

    Args:
        request: What was asked.
        index: The draw index.
        seed: The seed of this sample.
        first: True for the sample of the call that is billed the prompt.
        drawn: What came back.
        failure: Why the call failed, if it did; a sample that had ended before stands all the same.
        shared: Fields that all samples of the call have in common.
        tags: By which a chat's thoughts are known; None where they stay in the text.
    """
    if drawn.end is None:
        failure = failure or Failure(kind="server_error", message="the engine sent no end", retryable=True)
        return Completion.failed(request, index, failure)
    end = drawn.end
    usage = Usage(prompt_tokens=end["tokens_evaluated"], completion_tokens=end["tokens_predicted"])
    if cut := _cut_short(request, end, usage):
        return Completion.failed(request, index, cut, drawn.latency_s)
    finish: Finish = "length" if end["stop_type"] == "limit" else "stop"
    text, reasoning = drawn.text, None
    if tags is not None and request.messages:
        found = tags.split(text, opened=tags.opened_by(shared["rendered"], request.prefill))
        text, reasoning = found.answer, found.reasoning
        thought = min(drawn.tokens_within(found.spans), usage.completion_tokens)
        usage = usage.model_copy(update={"reasoning_tokens": thought})
    logprobs = request.sampling.logprobs
    return Completion(
        index=index,
        text=text,
        reasoning=reasoning,
        finish=finish,
        logprobs=None if logprobs is None else drawn.logprobs(logprobs),
        usage=usage,
        billed=billed_in_call(usage, first=first, cached=end["timings"]["cache_n"]),
        latency_s=drawn.latency_s,
        seed=seed if request.sampling.seeded else None,
        request=request,
        **shared,
    )


def _cut_short(request: Request, end: Mapping[str, Any], usage: Usage) -> Failure | None:
    """The failure of a sample that ended for want of room or of a prompt, not as asked."""
    if end["stop_type"] == "none":
        return Failure(kind="unsupported", message="the prompt has no tokens", retryable=False)
    most = request.sampling.max_tokens
    if end["stop_type"] != "limit" or most is None or usage.completion_tokens >= most:
        return None
    message = (
        f"the context ended after {usage.prompt_tokens} prompt and {usage.completion_tokens} completion tokens; "
        "raise n_ctx"
    )
    return Failure(kind="context_overflow", message=message, retryable=False, usage=usage)


def failure_of(error: LoopbackError | OSError, *, closed: bool) -> Failure:
    """Why a call failed."""
    if closed:
        return Failure(kind="cancelled", message="the backend was closed", retryable=False)
    if isinstance(error, OSError):
        return Failure(kind="connection", message=f"the engine cannot be reached: {error}", retryable=True)
    kind: FailureKind = "server_error" if error.status >= 500 else "unsupported"
    if error.kind == "exceed_context_size_error":
        kind = "context_overflow"
    return Failure(kind=kind, message=error.message, retryable=kind == "server_error")
