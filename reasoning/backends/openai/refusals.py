"""Which parameter of a request a server's words refuse, and what it takes instead, by the meaning of the words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_A_LIST = 8
"""Characters from a name to the next one in a list of names."""
NEARLY_GREEDY = 0.01
"""The temperature that stands for 0 where a server takes none of 0."""

_NAMES: Mapping[str, str] = {
    "n": r"n_cmpl|candidate_count|num_(generations|samples|completions|return_sequences)"
    r"|multiple (candidates|choices|completions|samples|outputs|generations|responses)",
    "seed": r"random_seed",
    "stop": r"stop[_ ](sequence|word|string|token)s?",
    "temperature": r"temperature",
    "top_p": r"top[ _-]p|nucleus sampling",
    "top_k": r"top[ _-]k",
    "min_p": r"min[ _-]p",
    "logprobs": r"(response_)?log[ _-]?probs?|log[ _-]?probabilit(y|ies)",
    "top_logprobs": r"top[ _-]log[ _-]?probs",
    "system message": r"(system|developer) (role|message|prompt|instruction)s?|role:? ['\"`]?system\b"
    r"|['\"`]system['\"`]",
    "reasoning_effort": r"reasoning[ _.]effort|thinking[ _](level|config|budget)|support (thinking|reasoning)",
    "reasoning.effort": r"reasoning[ _.]effort",
    "reasoning.summary": r"reasoning[ _.]summary",
    "max_tokens": r"max(?:imum)?[ _](new|output|completion)?[ _]?tokens",
    "max_output_tokens": r"max(?:imum)?[ _](new|output|completion)?[ _]?tokens",
    "max_completion_tokens": r"max(?:imum)?[ _](new|output|completion)?[ _]?tokens",
}
"""Other names of a parameter; its own counts too, in quotation marks or where a parameter's name stands."""
_PLAIN_WORDS = frozenset({"n", "seed", "stop", "include"})
"""Names that are words of everyday language: these count only where a parameter's name stands."""
_LIMITS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})

_NOT_TAKEN = re.compile(
    r"unsupported"
    r"|(not|n't)( be| currently| yet)?( an?)? (support|enabl|allow|permit|accept|avail|implement|recogni[sz])"
    r"|unknown|unrecogni[sz]ed|unexpected|extra_forbidden|extra (inputs|fields)|extraneous|cannot find field"
    r"|not a valid (field|parameter)|does not take|deprecated|no longer|only the default|disabled for|not defined"
    r"|cannot be (set|used|specified|changed)|must be (unset|omitted|removed|none|null)|not (a )?known|does not exist"
    r"|invalid (for|with) this model|不支持|不允许"
)
_ONE_VALUE = re.compile(
    r"only (\w+ ?=? ?)?[\d.]+ is (allowed|supported|accepted|valid)"
    r"|only (one|a single) \w+|(must|has to|should|can only) be (equal to )?[\d.]+(?![\d.]*\w)"
)
_TOGETHER = re.compile(r"\bboth\b|mutually exclusive|only one of|use only one|together with|in combination with")
_VALUE = re.compile(r"(unsupported|invalid|supported) values?\b")
_POSITIVE = re.compile(
    r"strictly positive|(greater|larger|more) than 0(?![.\d]*[1-9])|> ?0(?![.\d]*[1-9])|\(0(\.0)?,|non-?zero"
    r"|be positive"
)
_NUMBER = r"\d+(?:\.\d+)?"
_FROM_TO = re.compile(
    rf"[\[(] ?(?P<least>-?{_NUMBER}) ?, ?(?P<list>{_NUMBER}) ?(?P<open>[\])])"
    rf"|(between|from) (?P<first>-?{_NUMBER})( \(?inclusive\)?)? (and|to) (?P<words>{_NUMBER})"
    r"( \((?P<exclusive>exclusive)\))?"
)
_MOST = re.compile(
    r"(at most|up to|no more than|not exceed|limit of|maximum(?: \w+){0,3}?(?: is| of|:)?|<=|≤|less than or equal to"
    r"|only|最多)[^\d.]{0,12}(?P<most>\d+)(?!\d)"
    r"|((?:less|fewer|lower|smaller) than|<)[^\d.]{0,4}(?P<below>\d+)\b"
    r"|\d+ ?> ?(?P<over>\d+)\b|[a-z] ?> ?(?P<above>\d+)\b"
)


@dataclass(frozen=True)
class Refusal:
    """A parameter that a server refuses.

    Attributes:
        parameter: Its name as it was sent.
        most: The most samples that are taken, where the words say it.
        instead: The bound to keep to from now on: of a limit, of the number of stop strings or of alternatives, or the
            least temperature. None where the parameter is not taken at all.
    """

    parameter: str
    most: int | None = None
    instead: float | None = None


def refusal_in(words: str, named: str | None, sent: Mapping[str, Any]) -> Refusal | None:
    """The parameter that an error refuses.

    Args:
        words: The error as text.
        named: The parameter that the error names apart from its words.
        sent: The parameters that were sent and can be left out, or changed, with their values.
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", words).lower()
    places = {name: place for name in sent if (place := _place(text, name)) is not None}
    if named is not None:
        bare = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", named).lower().rpartition("body.")[2]
        places |= {name: -1 for name in sent if bare == name or re.fullmatch(_NAMES.get(name, name), bare)}
    if not places:
        return None
    if _TOGETHER.search(text) and {"temperature", "top_p"} <= places.keys():
        return Refusal("top_p")
    parameter = min(places, key=lambda name: (places[name], -len(name)))
    if parameter == "n":  # of a list of several, n is left for the next refusal: fewer samples a request cost the most
        others = [name for name in places if 0 < places[name] - places["n"] < _A_LIST]
        parameter = min(others, key=lambda name: places[name], default="n")
    return _judged(text, parameter, sent[parameter])


def _judged(text: str, parameter: str, value: Any) -> Refusal | None:
    not_taken = _NOT_TAKEN.search(text) is not None
    most = _most(text)
    if parameter == "n":
        return Refusal("n", 1 if _ONE_VALUE.search(text) else most if most is not None else 1 if not_taken else None)
    if parameter in ("reasoning_effort", "reasoning.effort") and _VALUE.search(text):
        return None  # another value is taken: the words say which
    count = len(value) if isinstance(value, list) else value if _is_number(value) else None
    if parameter in _LIMITS or parameter in ("stop", "logprobs", "top_logprobs"):
        if most is not None and count is not None and 0 < most < count:
            return Refusal(parameter, instead=most)
        too_long = parameter == "stop" and "too long" in text
        return Refusal(parameter) if not_taken or too_long else None
    if value == 0 and parameter == "temperature" and (_POSITIVE.search(text) or _least(text)):
        return Refusal(parameter, instead=max(_least(text), NEARLY_GREEDY))
    does_nothing = value == {"temperature": 1, "top_p": 1, "top_k": 0, "min_p": 0}.get(parameter)
    return Refusal(parameter) if not_taken or _ONE_VALUE.search(text) or does_nothing else None


def _place(text: str, parameter: str) -> int | None:
    """Where a text names a parameter; one letter alone or an everyday word must not do."""
    own = re.escape(parameter)
    quoted = rf"['\"`.\[(]{own}['\"`\])]|\bbody\.{own}\b"
    others = _NAMES.get(parameter, "" if parameter in _PLAIN_WORDS else own)
    in_place = (
        rf"(\b(parameters?|arguments?|fields?|property|option|setting|supplied|models?|range of|invalid|name|unknown)"
        rf"|参数)"
        rf":? *(['\"`]\w+['\"`], *)*{own}\b"
        rf"|\b{own} ?(>|<|=|:|\bmust|\bshould|\bvalue|\bis\b|\bare\b|\bcannot|\bcan't|\bdoes|\bnot|参数)"
    )
    patterns = [quoted, in_place, *([rf"\b({others})\b"] if others else [])]
    found = [match.start() for pattern in patterns if (match := re.search(pattern, text)) is not None]
    return min(found, default=None)


def _least(text: str) -> float:
    """The least of a range that a text says is taken; 0 where it says none."""
    found = _FROM_TO.search(text)
    return float(found["least"] or found["first"]) if found is not None else 0.0


def _most(text: str) -> int | None:
    """The most that a text says is taken."""
    found = _FROM_TO.search(text)
    if found is not None:
        most = float(found["list"] or found["words"])
        open_end = found["open"] == ")" or found["exclusive"] is not None
        return int(most) - 1 if open_end else int(most)
    found = _MOST.search(text)
    if found is None:
        return None
    return int(found["below"]) - 1 if found["below"] else int(found["most"] or found["over"] or found["above"])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
