"""Thoughts that no tags enclose: the channels of gpt-oss, all but the final one, and Granite's sentences."""

import re
from dataclasses import dataclass

CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)(?:[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>)?", re.IGNORECASE)
_END = re.compile(r"<\|(?:end|return|call|start)\|>", re.IGNORECASE)
_MARK = re.compile(r"<\|[^|<]*\|>(?:assistant)?")
_BARE = re.compile(r"\s*analysis(?=[A-Z]|\S.*assistantfinal)", re.DOTALL)
_BARE_FINAL, _BARE_COMMENTARY = "assistantfinal", "assistantcommentary"


_SPOKEN = re.compile(r"\s*here(?:'s| is) my thought process:?", re.IGNORECASE)
_SPOKEN_END = re.compile(r"here(?:'s| is) my response:?", re.IGNORECASE)


@dataclass(frozen=True)
class Thoughts:
    """A text, its thoughts apart.

    Attributes:
        reasoning: The reasoning text, None where there is none.
        answer: The rest; the whole text where there are no thoughts.
        spans: Where in the text thoughts and their tags stand.
    """

    reasoning: str | None
    answer: str
    spans: tuple[tuple[int, int], ...] = ()


def of_channels(text: str) -> Thoughts | None:
    """A text of channels, or of thoughts and a response that are called so; None where it is neither."""
    channels = list(CHANNEL.finditer(text))
    if not channels:
        return _of_bare_channels(text) or _of_sentences(text)
    thoughts = [_MARK.sub("", text[: channels[0].start()])]
    answers: list[str] = []
    spans: list[tuple[int, int]] = []
    at = 0
    for channel, following in zip(channels, [*channels[1:], None], strict=True):
        stop = following.start() if following is not None else len(text)
        ended = _END.search(text, channel.end(), stop)
        stop = ended.start() if ended is not None else stop
        words = text[channel.end() : stop]
        if channel[1].lower() == "final":
            answers.append(words)
            spans.append((at, channel.end()))
            at = stop
        else:
            thoughts.append(words)
    if at < len(text):
        spans.append((at, len(text)))
    return Thoughts(joined(thoughts), "".join(answers).lstrip(), tuple(spans))


def _of_bare_channels(text: str) -> Thoughts | None:
    """The same where the marks were dropped as special tokens, as in `analysisWe add.assistantfinalIt is 5`."""
    bare = _BARE.match(text)
    if bare is None:
        return None
    final = text.find(_BARE_FINAL, bare.end())
    thoughts = text[bare.end() : final if final >= 0 else len(text)]
    end = final + len(_BARE_FINAL) if final >= 0 else len(text)
    return Thoughts(joined(thoughts.split(_BARE_COMMENTARY)), text[end:].lstrip(), ((0, end),))


def _of_sentences(text: str) -> Thoughts | None:
    """Thoughts that begin and end with a sentence; both have to stand there, for anyone may say the first."""
    begin = _SPOKEN.match(text)
    end = _SPOKEN_END.search(text, begin.end()) if begin else None
    if begin is None or end is None:
        return None
    return Thoughts(joined([text[begin.end() : end.start()]]), text[end.end() :].lstrip(), ((0, end.end()),))


def joined(thoughts: list[str]) -> str | None:
    """The reasoning text of several parts; None where there is none."""
    return "\n\n".join(filter(None, (one.strip() for one in thoughts))) or None
