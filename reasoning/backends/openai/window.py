"""How long a reply may be asked for: a limit always fits what the server takes.

What it takes is stated (`context_tokens`), told by the server (`card.py`), or learnt from its refusal of a
limit, in whatever words. A prompt's tokens are estimated from its bytes, by the ratio that the server's counts give.
"""

import re
from dataclasses import dataclass

from reasoning.request import Request

LEAST = 16
"""The least limit that is tried before a prompt counts as too long."""
_SOME = 512
_HALVED_TO = 256  # a limit above it is halved where a refusal names no number
_TEMPLATE = 64  # tokens that a template may put around a prompt
_TOKENS_PER_BYTE = 0.5  # a bound for all but the strangest text, until counts are seen
_STATUSES = frozenset({400, 402, 413, 422, 429, 500})
_NUMBER = re.compile(r"(?<![\w.,-])(\d{1,3}(?:[,_]\d{3})+|\d+)(?![\w-]|[.,]\d)")
_LIMIT = re.compile(
    r"max_?(completion|output|new)?_?tokens|maxOutputTokens|num_predict|max(imum)? (output |completion |new )?tokens"
    r"|(output|completion) tokens",
    re.IGNORECASE,
)
_SHARED = re.compile(r"context|\btotal|inputs?\b|prompt|messages|model length|per minute|\bTPM\b", re.IGNORECASE)
_RATE = re.compile(r"per (minute|min|hour|day)\b|\b[RT]P[MD]\b", re.IGNORECASE)
_TOO_MUCH = re.compile(
    r"too (large|high|big|many|long)|exceed|greater|more than|at most|less than|lower|maximum|must be|range|limit"
    r"|reduce|[<>≤≥]|超|过大|范围|非法|最大|不能大于",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Refused:
    """What a refusal of a limit says.

    Attributes:
        shared: Tokens that prompt and reply have together.
        alone: Tokens that the reply has.
        prompt: The prompt's tokens, as the server counted them.
    """

    shared: int | None = None
    alone: int | None = None
    prompt: int | None = None


class Window:
    """What is known of it for one model on one server.

    Args:
        stated: Prompt and completion tokens that fit together, as a person says.

    Attributes:
        told: The same as the server says.
        most_output: The most tokens that a reply may have, as it says.
    """

    def __init__(self, stated: int | None) -> None:
        self.stated = stated
        self.told: int | None = None
        self.most_output: int | None = None
        self._shared: int | None = None
        self._alone: int | None = None
        self._per_byte: float | None = None

    @property
    def context_tokens(self) -> int | None:
        """Prompt and completion tokens that fit together, where a person or the server says so."""
        return self.stated or self.told

    def fitting(self, wanted: int, request: Request) -> int:
        """The limit to send where `wanted` tokens are wanted."""
        whole = min((tokens for tokens in (self.stated, self.told, self._shared) if tokens), default=None)
        left = wanted
        if whole is not None:
            left = whole - self._prompt_tokens(request)
            if left < _SOME and self._per_byte is None:  # the bound on the prompt's tokens leaves too little: a guess
                left = min(_SOME, whole - request.prompt_bytes // 4)
        return max(min(wanted, left, self._alone or wanted, self.most_output or wanted), min(wanted, LEAST))

    def counted(self, request: Request, prompt_tokens: int) -> None:
        """Takes in how many tokens the server counted in a prompt."""
        share = max(0.2, (prompt_tokens - _TEMPLATE) / max(1, request.prompt_bytes))
        self._per_byte = max(self._per_byte or 0.0, min(share, 1.0))

    def bounded(self, most: int) -> None:
        """Takes in the most tokens of a reply, as the server's words say it of the limit alone."""
        self._alone = min(most, self._alone or most)

    def learns(self, words: str, sent: int, request: Request) -> bool:
        """True where a refusal is of a limit that was too high, so that a lower one is worth a try."""
        if self.fitting(sent, request) < sent:
            return True  # learnt meanwhile, from another request
        told = what_fits(words, sent, request.prompt_bytes)
        if told is None:
            return False
        if told.prompt is not None:
            self.counted(request, told.prompt)
        if told.shared is not None and told.shared - (told.prompt or 0) >= LEAST:
            self._shared = told.shared
        if told.alone is not None:
            self._alone = told.alone
        if self.fitting(sent, request) >= sent > _HALVED_TO and told.shared != sent:
            self._alone = sent // 2  # it fits by what was understood, and is refused all the same
        return self.fitting(sent, request) < sent

    def _prompt_tokens(self, request: Request) -> int:
        per_byte = _TOKENS_PER_BYTE if self._per_byte is None else min(1.0, 1.1 * self._per_byte)
        return int(request.prompt_bytes * per_byte) + _TEMPLATE


def what_fits(words: str, sent: int, prompt_bytes: int) -> Refused | None:
    """What a refusal says of the limit that was sent; None where it is of something else."""
    found_numbers = (int(re.sub(r"[,_]", "", found)) for found in _NUMBER.findall(words))
    numbers = [number for number in found_numbers if number not in _STATUSES]
    named = _LIMIT.search(words) is not None
    # "you requested 16408 tokens (24 in the messages, 16384 in the completion)": the whole, its parts, or both
    wholes = [n for n in numbers if sent < n <= sent + prompt_bytes + _TEMPLATE]
    counted = re.search(r"(\d+) (?:`?inputs?`?|prompt|input) tokens", words)
    parts = {int(counted[1])} if counted else set(numbers)
    whole = next((n for n in wholes if n - sent in parts), None if counted else max(wholes, default=None))
    # Of a prompt that surely fits a number of tokens, a reply's limit is what goes beyond it.
    fits = max((n for n in numbers if prompt_bytes + _TEMPLATE < n < sent + prompt_bytes + _TEMPLATE), default=None)
    by_the_limit = fits is not None and re.search("token", words, re.IGNORECASE)
    if not (_TOO_MUCH.search(words) and (named or sent in numbers or whole is not None or by_the_limit)):
        return None
    prompt = int(counted[1]) if counted else whole - sent if whole is not None else None
    rest = [n for n in numbers if n not in (sent, whole, prompt)]
    if not rest and (numbers.count(sent) > 1 or (sent in numbers and not named)):
        rest = [sent]  # the window is just what was asked for
    elif not rest and whole is not None and whole - sent not in parts:
        rest, prompt = [whole], int(counted[1]) if counted else None  # the window, and a little more than was asked for
    shared = _SHARED.search(words) is not None or not named
    most = sent + (prompt_bytes + _TEMPLATE if prompt is None else prompt) if shared else sent
    # Words that name neither the limit nor its number may be of the prompt's length: the window is the least number.
    pick = max if named or sent in numbers or whole is not None else min
    fitting = pick((n for n in rest if LEAST <= n <= most), default=None)
    if fitting is None or (fitting == sent and not shared):
        # A rate of which no number is this request's: a guess at it would cut the limit of all others.
        halved = named and sent > _HALVED_TO and _RATE.search(words) is None
        return Refused(alone=sent // 2) if halved else None
    return Refused(shared=fitting, prompt=prompt) if shared else Refused(alone=fitting)
