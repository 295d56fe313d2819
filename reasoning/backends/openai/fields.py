"""Fields of a reply, read leniently: a flawed field beside a good text is left out, and a note says so.

Servers of one protocol differ in everything but the text: numbers come as strings, details as lists or null,
log-probabilities in two shapes, and a text may come in parts.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reasoning.backends.llama_cpp.wire import entry_texts
from reasoning.completion import Finish, Logprobs
from reasoning.usage import Usage

MOST_TOKENS = 2**40
"""A count above this is no count of tokens."""

NO_REASON = "The server did not say why the text ended: it counts as finished."
THOUGHTS_ALONE = "The reply holds reasoning text and no answer."
CALLED_A_TOOL = "The model called a tool in place of answering."

_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking", "thoughts", "reasoning_details", "thinking_blocks")
_WORD_FIELDS = ("text", "thinking", "reasoning", "reasoning_content", "summary", "content", "value")
_THOUGHT_KINDS = re.compile(r"reason|think|thought", re.IGNORECASE)
_SILENT_KINDS = frozenset({"reference", "redacted_thinking", "reasoning.encrypted"})  # numbers and ciphers, no words

_ENDINGS: tuple[tuple[re.Pattern[str], Finish], ...] = (
    (re.compile(r"refus"), "refusal"),
    (
        re.compile(
            r"filter|safety|sensitive|moderat|prohibit|blocked|block_?list|recitation|spii|polic|guardrail|censor"
            r"|violat|toxic|harm|inappropriate|flagged|inspection"
        ),
        "content_filter",
    ),
    (re.compile(r"error_limit|context_limit|token_?limit|budget"), "length"),
    (
        re.compile(
            r"error|abort|cancel|fail|time_?out|time_limit|rate_?limit|overload|unavailable|resource|interrupt"
            r"|malformed|disconnect|crash|preempt|quota|exhaust|unexpected|evict|killed|not_finished|unfinished"
        ),
        "failed",
    ),
    (re.compile(r"length|max_?\w*tokens|context_window|truncat|repetition|incomplete|limit"), "length"),
)
"""What a finish reason's words mean; the first that is found counts."""
_FINISHED = re.compile(
    r"(?<![a-z])(stop(ped)?|eos|eot|eod|end(ed)?|completed?|finish(ed)?|normal|word|done|success|tools?|function)(?![a-z])"
)


def number(value: object) -> int | None:
    """A count of tokens or the like, also as text or as a whole float; None where it can be none."""
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,15}(\.0*)?\s*", value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS:
        return None
    return int(value) if value == int(value) else None


def text_of(value: object) -> str | None:
    """A text field: None where there is none, or a blank one."""
    return value if isinstance(value, str) and value.strip() else None


def words_of(value: object, between: str = "") -> str:
    """All words in a field: a text, a list of parts, or a part of any kind."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return between.join(filter(None, map(words_of, value)))
    if isinstance(value, Mapping):
        name = next((name for name in _WORD_FIELDS if value.get(name)), None)
        return words_of(value[name], "\n\n" if name == "summary" else "") if name is not None else ""
    return ""


def thoughts_of(message: Mapping[str, Any]) -> str | None:
    """The reasoning text that stands beside a message's content, by whichever name."""
    return next(filter(None, (text_of(words_of(message.get(name))) for name in _THOUGHT_FIELDS)), None)


def is_error(error: object) -> bool:
    """True where a field that could hold an error holds one; some servers fill it in to say that there is none."""
    if isinstance(error, Mapping):
        return bool(error.get("message") or number(error.get("code")) not in (None, 0, 200))
    return bool(error) and error not in ("0", "ok", "OK", "success")


@dataclass(frozen=True)
class Content:
    """What a message's content holds.

    Attributes:
        text: The text; None where there is none at all, which differs from an empty one.
        thoughts: The reasoning text in parts of its own.
        refusal: The words of a refusal in parts of its own.
        notes: Which parts were left out.
    """

    text: str | None = None
    thoughts: str | None = None
    refusal: str | None = None
    notes: tuple[str, ...] = ()


def content_of(content: object) -> Content:
    """Reads a message's content: a text, a part, or a list of parts.

    Raises:
        ValueError: It is none of these.
    """
    if content is None or isinstance(content, str):
        return Content(content)
    parts = [content] if isinstance(content, Mapping) else content
    if not isinstance(parts, list):
        raise ValueError(f"the content {content!r:.60} is no text")
    texts: list[str] = []
    thoughts: list[str] = []
    refusals: list[str] = []
    others: list[str] = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        kind = str(part.get("type") or "") if isinstance(part, Mapping) else type(part).__name__
        if not isinstance(part, Mapping):
            others.append(kind)
        elif part.get("thought") is True or _THOUGHT_KINDS.search(kind):
            thoughts.append(words_of(part))
        elif kind == "refusal":
            refusals.append(words_of(part.get("refusal")))
        elif isinstance(part.get("text"), str | Mapping):
            texts.append(words_of(part["text"]))
        elif kind not in _SILENT_KINDS:
            others.append(kind or "no kind")
    notes = (f"Parts of the reply that are no text were left out: {', '.join(sorted(set(others)))}.",) if others else ()
    return Content("".join(texts) if texts else None, text_of("".join(thoughts)), text_of("".join(refusals)), notes)


def finish_of(reason: object) -> tuple[Finish, tuple[str, ...]]:
    """A finish reason in the words of `Completion.finish`, and a note where it had to be guessed.

    "failed" says that the server gave the text up: what there is of it is no answer.
    """
    if isinstance(reason, Mapping):
        reason = reason.get("type") or reason.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        return "stop", (NO_REASON,)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", reason[:200]).lower().removeprefix("finish_reason_")
    for meaning, finish in _ENDINGS:
        if meaning.search(words):
            return finish, ()
    if _FINISHED.search(words):
        return "stop", ()
    return "stop", (f"The server's finish reason {reason[:60]!r} is not known: the text counts as finished.",)


def logprobs_of(found: object, most: int) -> Logprobs | None:
    """Log-probabilities with at most so many alternatives a token; None where there are none.

    Both shapes are read whichever API they come by: a list of `{token, logprob, top_logprobs}`, mostly as `content`,
    and parallel lists (`tokens`, `token_logprobs`, `top_logprobs`).

    Raises:
        ValueError: They cannot be read.
    """
    entries = found.get("content") if isinstance(found, Mapping) else found
    try:
        if isinstance(entries, list) and entries:
            return _of_entries(entries, most)
        if isinstance(found, Mapping) and found.get("tokens"):
            return _of_lists(found, most)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(str(error)) from error
    return None


def _of_entries(entries: Sequence[Mapping[str, Any]], most: int) -> Logprobs:
    top = tuple(
        _likeliest([(one["token"], one["logprob"]) for one in entry.get("top_logprobs") or ()], most)
        for entry in entries
    )
    held_back = all("id" in entry for entry in entries)  # llama.cpp tells ids
    return _logprobs(
        entry_texts(entries) if held_back else [entry["token"] for entry in entries],
        [entry["logprob"] for entry in entries],
        top,
    )


def _of_lists(found: Mapping[str, Any], most: int) -> Logprobs:
    tokens, values = found["tokens"], found["token_logprobs"]
    tops = found.get("top_logprobs") or [None] * len(tokens)
    if not len(tokens) == len(values) == len(tops):
        raise ValueError("the lists differ in length")
    ranked = (sorted((top or {}).items(), key=lambda pair: -_finite(pair[1])) for top in tops)
    return _logprobs(tokens, values, tuple(_likeliest(pairs, most) for pairs in ranked))


def _logprobs(
    tokens: Sequence[object], values: Sequence[object], top: tuple[tuple[tuple[str, float], ...], ...]
) -> Logprobs:
    if not all(isinstance(token, str) for token in tokens):
        raise ValueError("a token is no text")
    return Logprobs(tokens=tuple(map(str, tokens)), values=tuple(map(_finite, values)), top=top if any(top) else ())


def _likeliest(pairs: Sequence[tuple[object, object]], most: int) -> tuple[tuple[str, float], ...]:
    return tuple((str(token), _finite(value)) for token, value in pairs[:most])


def _finite(value: Any) -> float:
    """A log-probability, also as text.

    Raises:
        ValueError: It is none.
    """
    if value is None or isinstance(value, bool) or not math.isfinite(found := float(value)):
        raise ValueError(f"{value!r} is no log-probability")
    return found


def usage_of(usage: object) -> tuple[Usage | None, tuple[str, ...]]:
    """Usage in the words of any of the three APIs, None where there is none, and what of it could not be read.

    What was written is the larger of what is stated and what follows from the total: some servers leave hidden
    reasoning out of the former.
    """
    if usage is None:
        return None, ()
    if not isinstance(usage, Mapping):
        return None, (_unread("all of it"),)
    flawed: list[str] = []

    def stated(*names: str, within: Mapping[str, Any] = usage) -> int | None:
        """The first of these fields that holds a number."""
        given = [(name, within[name]) for name in names if within.get(name) is not None]
        flawed.extend(name for name, value in given if number(value) is None)
        return next((found for _, value in given if (found := number(value)) is not None), None)

    def details(*names: str) -> Mapping[str, Any]:
        found: Any = next((usage[name] for name in names if usage.get(name)), {})
        if not isinstance(found, Mapping):
            flawed.append(next(name for name in names if usage.get(name)))
            return {}
        return found

    read, written = stated("prompt_tokens", "input_tokens"), stated("completion_tokens", "output_tokens")
    total = stated("total_tokens")
    thought = stated("reasoning_tokens", within=details("completion_tokens_details", "output_tokens_details"))
    if thought is None:
        thought = stated("reasoning_tokens")
    cached = stated("cached_tokens", within=details("prompt_tokens_details", "input_tokens_details"))
    if cached is None:
        cached = stated("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens")
    if read is None and total is not None and written is not None and total >= written:
        read = total - written
    notes = (_unread(", ".join(dict.fromkeys(flawed))),) if flawed else ()
    if read is None or (written is None and (total is None or total < read)):
        return None, notes
    by_total = max(total - read, 0) if total is not None else 0
    thought, said = thought or 0, written or 0
    output = max(said, by_total, said + thought if thought > said else 0)
    return (
        Usage(
            prompt_tokens=read,
            completion_tokens=output,
            reasoning_tokens=min(max(thought, output - said if written is not None else 0), output),
            cached_tokens=min(cached or 0, read),
        ),
        notes,
    )


def _unread(what: str) -> str:
    return f"The server's usage could not be read in full ({what})."
