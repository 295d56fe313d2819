"""What of a model's text is its reply: not its thoughts, not what it struck out, not a next question that it ran on to.

Everything here keeps positions: what does not count is overwritten with spaces, character for character.
"""

import re
from typing import Final

from reasoning.thoughts import Tags

_TAGS: Final = Tags()
_SPECIAL = re.compile(  # tokens that a server should have kept to itself
    r"<\|[\w ]{1,40}\|>|</?s>|<(?:end_of_turn|eos|pad|eot|start_of_turn)>|\[/?INST\]|<｜[^｜<>]{1,40}｜>"
)
_STRUCK = re.compile(r"~~[^~\n]{1,300}~~|\\(?:cancel|sout|st)\{[^{}\n]{1,100}\}")
_NEXT_TURN = re.compile(
    r"<\|im_start\|>\s?user\b|<\|start_header_id\|>user|<start_of_turn>user|\n[ \t>#*]{0,8}(?:(?:next |new "
    r"|another )?(?:question|problem|exercise|example|q)\b[ \t]{0,3}#?\d{0,3}[ \t]?[:.)]"
    r"|(?:human|user|student|input)[ \t]?:|#{2,3} ?(?:instruction|question|input)\b)",
    re.IGNORECASE,
)
_TURN_NEEDLES: Final = (
    ">user", "user\n", "im_start", "uestion", "UESTION", "Q", "q:", "roblem", "xample", "xercise", "uman:", "ser:",
    "tudent:", "nput", "nstruction",
)  # fmt: skip
_MOST_MARKS: Final = 20_000  # more are no reply, but take long to sort
_MARKS: Final = ("<", "[", "◁", "assistantfinal", "thought process")
_STATED = re.compile(r"answer|\d|####|\\boxed|\bso\b|\btherefore\b|\bresult\b", re.IGNORECASE)
_WORD = re.compile(r"\w")


def reply_of(text: str) -> str:
    """The text with everything blanked that is no part of its reply.

    A thought that is never closed is not blanked: a model that stops there may have stated its answer in it. Where
    nothing follows the thoughts, they are all that there is, and count.
    """
    marked = _may_be_marked(text)
    if marked:
        text = _without_thoughts(text)
    text = _without_next_turn(text)
    if marked:
        text = _SPECIAL.sub(_blank, text)
    if "~~" in text or "\\cancel" in text or "\\sout" in text or "\\st" in text:
        text = _STRUCK.sub(_blank, text)
    return text


def all_thought(reply: str) -> bool:
    """Whether a text as `reply_of` gives it is nothing but thoughts: all others are blanked in it."""
    return _may_be_marked(reply) and bool(_TAGS.split(reply).spans)


def _may_be_marked(text: str) -> bool:
    return 0 < sum(map(text.count, _MARKS)) < _MOST_MARKS


def _without_thoughts(text: str) -> str:
    pieces, at = [], 0
    for start, end in _TAGS.split(text).spans:
        pieces += [text[at:start], " " * (end - start)]
        at = end
    blanked = "".join((*pieces, text[at:]))
    return blanked if _WORD.search(blanked) else text


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _without_next_turn(text: str) -> str:
    """A model without a stop string goes on with the next question, once it has answered: what follows is not asked."""
    if not any(map(text.__contains__, _TURN_NEEDLES)):
        return text
    stated = _STATED.search(text)
    turn = _NEXT_TURN.search(text, stated.end()) if stated else None
    return text if turn is None else text[: turn.start()] + " " * (len(text) - turn.start())


_WITHDRAWS = re.compile(
    r"(?:\b(?:no[,.]? )?wait\b|\bhold on\b|\bactually\b|\bscratch that\b|\bcorrection\b|\boops\b"
    r"|\bon second thought\b"
    r"|\blet me (?:re-?(?:check|do|calculate|compute|count|think|consider|read|evaluate)|correct|fix|redo)\b"
    r"|\bi (?:made an? (?:mistake|error|slip)|misread|miscounted|miscalculated|misunderstood)\b"
    r"|\bthat(?:['’]s| is| was) (?:wrong|incorrect|not right|not correct|a mistake)\b"
    r"|\bmy mistake\b)[\s,:;.!—–-]{0,4}",
    re.IGNORECASE,
)


_WITHDRAW_NEEDLES: Final = (
    "wait",
    "hold on",
    "actually",
    "scratch",
    "correction",
    "oops",
    "thought",
    "let me",
    "i mis",
    "i made",
    "mistake",
    "hat's",
    "hat’s",
    "hat is",
    "hat was",
)


def withdrawn_until(text: str) -> int:
    """Where a reply last takes back what it said ("… no wait, …"), after which another answer may stand; else 0."""
    lowered = text[-4000:].lower()
    if not any(map(lowered.__contains__, _WITHDRAW_NEEDLES)):
        return 0
    end = 0
    for match in _WITHDRAWS.finditer(text, max(0, len(text) - 4000)):
        end = match.end()
    return end
