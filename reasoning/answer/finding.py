"""Which of the numerals in a text is its answer.

Two steps. The *candidates* are the numerals of a sentence, each with its role in it: the result of an equation, what a
verb gives ("she makes $18"), a plain mention, a given ("of the 30 seats", "at $2 each"), an operand. The *evidence* is
where the sentence stands: behind a marker, in a box, in a conclusion, in a check, a note, a supposition.
"""

import re
from enum import IntEnum
from typing import Final, NamedTuple

from reasoning.answer.numeral import VULGAR, Numeral, Style, numeral_at, numerals
from reasoning.answer.segments import Segment, segments, sentence_end
from reasoning.answer.statements import Statement
from reasoning.answer.words import written, written_anywhere


class Role(IntEnum):
    """What a numeral is in its sentence; of several the highest is the answer's."""

    NONE = 0  # numbering, an ordinal, "step 3"
    OPERAND = 1
    GIVEN = 2
    MENTION = 3
    OBJECT = 4
    RESULT = 5


class Candidate(NamedTuple):
    """A numeral and its role.

    Attributes:
        numeral: The numeral; without a value where its digits are no one number.
        role: Its role.
        bold: Whether it is emphasised.
    """

    numeral: Numeral
    role: Role
    bold: bool

    @property
    def rank(self) -> int:
        """What candidates are compared by: emphasis counts as much as a role of three steps more."""
        return self.role + 3 * (self.bold and self.role > Role.NONE)


_REACH: Final = 800  # characters at the end of a sentence that are looked at
_PARTS: Final = 40  # sentences at the end that are looked at
_FILLER = re.compile(  # what may stand between a mark and the number that it marks
    r"(?:[\s*_`\"'(\[{$~≈=:<>∴👉✅]|\\[\[(,;! ]|\\(?:text|mathbf|textbf|mathrm|mathit|bf|displaystyle|textstyle"
    r"|therefore|approx|rm|it|bm)(?![A-Za-z])"
    r"|\\(?:text)?color\{\w{1,16}\}|\\boxed\{|\\begin\{aligned\}|\\pounds|\\euro|&"
    r"|(?:approximately|approx\.|about|around|exactly|roughly|only|just|nearly|almost|a\s+total\s+of|total\s+of"
    r"|total|equal\s+to|equals|is|de|R(?=\$)|CHF|Rs)(?![A-Za-z])\.?"
    r"|[A-Za-z](?:_\{?\w{1,4}\}?)?\s?=)*+"
)
_UNIT = r"(?:\s*+(?:[A-Za-z²³]++|\\text\{[^{}]{0,24}\}))"
_NEXT = r"\s*+[(\[{]*+-?\\?[$€£]?\s?\\?(?:\d|\.\d|\()"  # the next operand begins
_DEGREES = r"\^\s?(?:\{\s?)?\\?(?:circ|degree|°)"
_OPERATION = re.compile(
    rf"(?P<unit>{_UNIT}{{0,2}}?)\s*+(?:(?:[+*/×÷]|x(?![A-Za-z])|\\times|\\cdot|\\div|plus|minus|times"
    rf"|divided by){_NEXT}"
    rf"|(?P<dash>-){_NEXT}|(?P<of>of\b){_NEXT}|(?P<equals>=>?|≈|\\approx))"
    rf"|\s*+(?:(?:\\?(?:sqrt|pi|theta)\b|[√π])|(?!{_DEGREES})\^|!)|\(\s?\d[^()\n]{{0,40}}[-+*/]"
)
_VARIABLE = re.compile(
    r"\s?(?:[a-eiknp-rt-zA-Z](?![A-Za-z.'])|\\(?:pi|sqrt|alpha|beta|theta|ln|log|sin|cos)\b|[πθ√])(?!\s?[/])"
)
_LETTER_UNITS: Final = frozenset("mgslhWVANCFKJLHd")
_RELATION = re.compile(
    r"\s*+(?:\\?%|percent)?\s?(?:\\text\{\s?)?(?:\w+\s)?(?:more than|less than|fewer than|times (?:as|the|that"
    r"|more|\\?[$€£]?\d)"
    r"|of \\?[$€£]?\d|\\text\{ ?of ?\}|percent of|% of)",
    re.IGNORECASE,
)
_EQUALS = re.compile(r"(?<![<>!])(?:=>?|≈|\\approx)|\bequals\b|⇒|→|\\(?:Rightarrow|implies|rightarrow|to)\b")
_LINK = re.compile(
    r"(?:\b(?:which|that|this|it)\s+(?:is|equals|gives|makes|means|comes\s+to)|\bi\.e\.,?|\bthat\s+is,?|\bnamely"
    r"|\bgives|\byields"
    r"|\bequals|\bmakes|\bis|=>?|→|⇒|:|,\s+or)\s*$",
    re.IGNORECASE,
)
_OPERATOR_BEFORE = re.compile(
    r"(?:[\w)\]}%°²]\s?(?:[-+/^×÷·]|(?<!\*)\*)\s?[(\\$]{0,3}|\\(?:times|cdot|div)\s?[({]?|\b(?:times|plus|minus"
    r"|divided by|multiplied by)\s\\?\$?"
    r"|[+×÷]\s?|\\(?:sqrt|binom|log|ln|frac|max|min|lceil|lfloor)[^=]{0,24}|√\s?|\w\([^()=]{0,12}"
    r"|\\%\s?\\text\{ ?of ?\}\s?|\}\s?\\text\{ ?of ?\}\s?)$"
)
_OPERATOR_AFTER = re.compile(r"\s?[-+*^]\s?(?:[A-Za-z](?![A-Za-z])|[(\\])")
_LISTED = re.compile(rf"\s*(?:,|;|\band\b|\bor\b)\s*(?:and\b|or\b)?\s*(?=[-+$\\]{{0,3}}(?:\d|frac|infty)|[{VULGAR}])")
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*|__([^_\n]{1,80})__")
_NUMBERING = re.compile(r"[.):]\*{0,2}\s+[^\s(]")
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b")
_NAMED = re.compile(
    r"\b(?:steps?|questions?|problem|part|case|method|example|equation|figure|table|line|note|stage|week|day|year"
    r"|month|row|column|option"
    r"|round|level|grade|chapter|page|in|no\.|number|base|to|version|room|route|schritt)\s?[#(*]*$|#$",
    re.IGNORECASE,
)
_PREPOSITION = (
    "of from for in at after over by with per to than between during within on until before since because into among"
    " against out through under above below if when while where as each every"
    " von aus für in pro je mit nach bei an auf um por para con en sur pour dans avec par из за на в по с от"
    " через dari untuk"
)
_DETERMINER = (
    "the her his their its my your our these those both all another other first last next same remaining original"
    " den dem der die das des les le la los las el lo i gli un une una"
)
_GIVEN = re.compile(
    rf"(?<![\w'’])(?:{'|'.join((_PREPOSITION + ' ' + _DETERMINER).split())})\s+(?:\w+ed\s+)?[*_\\$€£~\s(]*$",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"\b(?:(?:total|sum|average|mean|profit|cost|price|speed|rate|distance|value|amount|area|volume|length|width"
    r"|height|perimeter|number"
    r"|difference|product|age|score|balance|loss|salary|weight|time|change|answer|maximum|minimum|probability"
    r"|ratio|temperature)\s+of"
    r"|(?:comes?|came|equal|amounts?|adds?\s+up|adds|sums?(?:\s+up)?|works?\s+out|rounds?(?:\s+up|\s+down)?"
    r"|rounded(?:\s+up|\s+down)?|round\s+up|simplif\w+|reduces?|drops?"
    r"|dropped|rises?|rose|grows?|grew|increase[sd]?|decrease[sd]?|falls?|fell|up|down|closest|leads?"
    r"|brings?(?:\s+\w+){0,3})\s+to"
    r"|(?:left|ends?\s+up|ended\s+up|finish\w*|remain\w*|comes?\s+(?:out|up))\s+with|(?:arrives?|stands?|stood"
    r"|valued)\s+at)"
    r"\s+(?:about\s+|only\s+|exactly\s+)?[*_\\$€£~\s(]*$",
    re.IGNORECASE,
)
_GIVES = re.compile(
    r"(?:['’]s|\b(?:is|are|was|were|be|has|have|had|makes?|made|gets?|got|earns?|earned|pays?|paid|costs?|takes?"
    r"|took|needs?|needed|required?s?|gives?|gave"
    r"|leaves?|left|leaving|remains?|remaining|sells?|sold|spends?|spent|saves?|saved|buys?|bought|uses?|used"
    r"|total(?:s|ed|ling)?|equals?|becomes?|became|contains?"
    r"|holds?|weighs?|covers?|covered|travel(?:s|ed|led)?|walks?|walked|reads?|eats?|ate|receives?|received"
    r"|yields?|produces?|must\s+be|altogether|owes?|owed"
    r"|ist|sind|hat|macht|beträgt|kostet|est|sont|gagne|es|son|é|è|são))"
    r"(?:\s+(?:now|then|still|a|an|about|only|exactly|approximately|around|just|roughly|nearly|at\s+least"
    r"|at\s+most|therefore|thus|also|zusammen|insgesamt|donc|exactement"
    r"|grown|worth|made|paid|earned|sold|spent|left|saved|been|eaten|read|used|bought))*\s*[*_\\$€£~\s(:]*$",
    re.IGNORECASE,
)
_ALONE = re.compile(r"[*_$%]{0,3}(?![A-Za-z])\s?(?:[A-Za-z]++\s?){0,2}[*_$}\s.!]*$")
_HEDGES: Final = (
    "ince",
    "ecause",
    "ue to",
    "iven",
    "ssuming",
    "ased on",
    "out of",
    "nlike",
    "nstead",
    "ather",
    "weil",
    "par",
    "por",
    "(",
    "**",
    "__",
    "so ",
)
_NEGATED = re.compile(r"(?:not|never)\b|n['’]t\b", re.IGNORECASE)
_INSTEAD = re.compile(r"\b(?:but|it['’]?s|it is|rather|instead)\b", re.IGNORECASE)
_EQUATION_NEXT = re.compile(r"[.!]?\s?[^\n]{0,120}(?:\n[^\n]{0,120})?\d[^\n=]{0,80}=")
_TOTAL_CJK = re.compile(r"(?:一共|总共|總共|共|合计|总计|全部で|合計)[^\d,，。]{0,6}$")
_SO = re.compile(
    r"[,;]\s+(?:and\s+)?(?:so|therefore|thus|hence|which (?:means|rounds|is about|is approximately|becomes))\b",
    re.IGNORECASE,
)
_BECAUSE = re.compile(
    r"[^\s].{0,400}?\b(?:since|because|due to|given|assuming|based on|out of|unlike|instead of|rather than|weil"
    r"|parce|porque)\b",
    re.IGNORECASE | re.DOTALL,
)
_CONCLUDES = re.compile(
    r"\b(?:so|therefore|thus|hence|altogether|in total|total|in all|finally|in conclusion|overall|consequently"
    r"|then|this means|that means|also|daher|donc|portanto|luego)\b|∴|[⇒→]",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"(?:not enough|insufficient|not sufficient|missing|lack of|no) (?:\w+ )?(?:information|data|context)"
    r"|(?:cannot|can['’]?t|could not|couldn['’]t|not possible to|impossible to|unable to) (?:be )?(?:determine"
    r"|answer|calculate|compute|solve|tell|know|say|found|find)",
    re.IGNORECASE,
)


class Found(NamedTuple):
    """A numeral that was chosen.

    Attributes:
        numeral: The numeral; without a value where the text has no one number for its answer.
        rule: By which rule: "leading", "bold", "equation", "conclusion" or "last number".
        sure: Whether the sentence concludes, rather than merely being the last one with a number.
    """

    numeral: Numeral
    rule: str
    sure: bool


def unknown(text: str, start: int, end: int) -> bool:
    """Whether a stretch of text says that there is no telling the answer."""
    return _UNKNOWN.search(text, start, end) is not None


def stated(text: str, statement: Statement, style: Style) -> Numeral | None:
    """The numeral that a statement gives.

    Returns:
        None where the statement says nothing about a number, so that another one should be looked at; a numeral without
        a value where what it states is no one number, and the text thereby has no answer.
    """
    start, whole = statement.start, statement.whole
    end = statement.end if whole or statement.rule == "####" else sentence_end(text, start, statement.end)
    negated = _NEGATED.match(text, start)
    if negated:
        instead = _INSTEAD.search(text, negated.end(), end)
        if instead is None:
            return None
        start = instead.end()
    filler = _FILLER.match(text, start, end)
    assert filler is not None  # it may be empty
    alone = numeral_at(text, filler.end(), style)
    if (
        alone is not None
        and alone.value is not None
        and (alone.end == end if whole else _ALONE.match(text, alone.end, end))
    ):
        if text[end : end + 1].isdigit():
            return alone._replace(value=None)  # it goes on beyond reach
        return alone
    numbers = candidates(text, start, end, style)
    spelled = written(text, filler.end(), end)
    if spelled is not None and (not numbers or numbers[0].numeral.start > filler.end()):
        number = Numeral(spelled[0], filler.end(), spelled[1], False)
        if not (_RELATION.match(text, number.end) or _OPERATION.match(text, number.end, end)):
            return number
    usable = [one for one in numbers if one.role > Role.NONE]
    if not usable:
        return _spelled(text, start, end) if whole else None
    first = usable[0].numeral
    direct = filler.end() >= first.start
    if statement.rule == "####" and text[start : start + 4].lower() in ("step", "part", "chec", "veri"):
        return None
    if first.end == end and text[end : end + 1].isdigit():
        return first._replace(value=None)  # it goes on beyond reach
    if whole and (strange := _no_number(text, first, start, end, direct)) is not None:
        return strange
    if direct and usable[0].role >= Role.MENTION and not _relates(text, first, end):
        late = [
            one for one in usable[1:] if _TOTAL_CJK.search(text[max(start, one.numeral.start - 8) : one.numeral.start])
        ]
        return late[-1].numeral if late else first
    best = _best(usable)
    if not statement.firm and not whole and not (direct and usable[0].role > Role.OPERAND) and _goes_on(text, end):
        return None  # "Answer:" introduced a derivation that goes on
    if best.role == Role.OPERAND:
        if statement.firm or whole:
            words = direct and re.match(r"\s*(?:\w+\s)?(?:of|out of)\b|\s+\w+\s*-", text[first.end : end])
            return first if words else first._replace(value=None)
        return None
    if not statement.firm and not direct and best.role < Role.OBJECT and _more_digits(text, end):
        return None  # "Answer:" introduced a derivation that goes on
    return best.numeral


def concluded(text: str, style: Style, start: int = 0) -> Found | None:
    """The number that a text concludes with where it states none."""
    parts = segments(text, start)
    if not parts:
        return None
    if start == 0 and (first := _leading(text, parts, style)) is not None:
        return first
    fallback: Found | None = None
    for index in range(len(parts) - 1, max(-1, len(parts) - _PARTS), -1):
        part = parts[index]
        if part.label in ("heading", "check", "note", "offer", "supposition", "aside"):
            continue
        if unknown(text, part.start, part.end):
            return None
        found = of_segment(text, part, style, last=index == len(parts) - 1)
        if found is None:
            continue
        if found.sure or found.rule != "last number":
            return found
        fallback = fallback or found
    return fallback or _any(text, parts, style)


def after(text: str, start: int, style: Style) -> Found | None:
    """The number that a text corrects itself to from `start` on; None where it comes to no other conclusion there."""
    filler = _FILLER.match(text, start)
    assert filler is not None  # it may be empty
    found = numeral_at(text, filler.end(), style)
    if found is not None and found.value is not None and not _OPERATION.match(text, found.end):
        return Found(found, "correction", True)
    for part in reversed(segments(text, start)):
        if part.label not in ("text", "item"):
            continue
        lead = text[part.start : part.start + 60]
        if re.search(
            r"\b(?:so|therefore|thus|hence|it['’]?s|it is|should be|must be|is|are|total)\b", lead, re.IGNORECASE
        ):
            found_here = of_segment(text, part, style, last=False)
            if found_here is not None and found_here.sure:
                return found_here
    return None


def only(text: str, style: Style) -> Numeral | None:
    """The one number that a text holds, or the result of the one equation that it is."""
    numbers = [one for one in candidates(text, 0, len(text), style) if one.role > Role.NONE]
    if not numbers:
        return _spelled(text, 0, len(text))
    first = numbers[0].numeral
    if len(numbers) == 1:
        if _OPERATION.match(text, first.end) or _OPERATOR_BEFORE.search(text[max(0, first.start - 12) : first.start]):
            return None if numbers[0].role != Role.RESULT else first
        if _OPERATOR_AFTER.match(text, first.end):
            return None
        if _VARIABLE.match(text, first.end) and text[first.end : first.end + 1].strip()[:1] not in _LETTER_UNITS:
            return None
        return first
    results = [one.numeral for one in numbers if one.role == Role.RESULT]
    if results and all(one.role in (Role.RESULT, Role.OPERAND) for one in numbers):
        return results[-1]
    operation = _OPERATION.match(text, first.end)
    if operation and operation["equals"]:
        return first
    return first._replace(value=None) if operation and len(numbers) == 2 else None


def candidates(text: str, start: int, end: int, style: Style) -> list[Candidate]:
    """The numerals of `text[start:end]` with their roles, in order."""
    found = list(numerals(text, start, end, style))
    if not found:
        return []
    because = _BECAUSE.match(text, start, end)
    limit = because.end() if because and found[0].start < because.end() else end
    comma = text.find(", ", limit, end)
    resumes = comma if comma >= 0 else end
    bold = [match.span() for match in _BOLD.finditer(text, start, end)] if "**" in text or "__" in text else []
    so = [match.end() for match in _SO.finditer(text, start, end)]
    outside = [one for one in found if not _in_brackets(text, start, one)]
    result = []
    for one in found:
        role = _role(text, one, start, end)
        if role > Role.OPERAND and (limit <= one.start < resumes or (outside and _in_brackets(text, start, one))):
            role = Role.GIVEN
        if one.value is None:
            role = min(role, Role.GIVEN)
        emphasised = any(left <= one.start and one.end <= right for left, right in bold)
        result.append(Candidate(one, role, emphasised))
    if so and any(one.numeral.start >= so[-1] and one.role >= Role.MENTION for one in result):
        result = [
            one._replace(role=min(one.role, Role.GIVEN)) if one.numeral.start < so[-1] and not one.bold else one
            for one in result
        ]
    return result


def _role(text: str, one: Numeral, start: int, end: int) -> Role:
    before = text[max(start, one.start - 40) : one.start]
    if _is_numbering(text, one) or (_ORDINAL.match(text, one.end) and not _after_equals(before)):
        return Role.NONE
    operation = _OPERATION.match(text, one.end, end)
    equals = operation is not None and operation["equals"] is not None
    if (
        equals
        and operation is not None
        and operation["equals"] in ("≈", "\\approx")
        and (_after_equals(before) or _is_fraction(text, one))
    ):
        return Role.RESULT  # 10/3 ≈ 3.33 is 10/3
    if operation is not None and not equals and not (operation["of"] and not _part(text, one)):
        return Role.OPERAND
    if _after_equals(before):
        rounded = re.search(r"(?:≈|\\approx)[^=]{0,8}$", before)
        if rounded and (left := _fraction_before(text, one, start)):
            return Role.OPERAND if left else Role.RESULT
        return Role.OPERAND if equals else Role.RESULT
    if equals:
        right = text[operation.end() : operation.end() + 40] if operation else ""
        plain = _OPERATOR_BEFORE.search(before) is None and re.match(r"[\s$*\\]*(?:text\{)?[A-Za-z]?\s*$", before[-8:])
        return (
            Role.MENTION if plain and not re.match(r"[\s$€£*(\\]*-?\d[\d.,]*[^\n+*/×÷^(-]*$", right) else Role.OPERAND
        )
    if _OPERATOR_BEFORE.search(before):
        linked = re.search(r"(?:\bis|:|=>|→)\s*$", before)
        return Role.OBJECT if linked else Role.OPERAND
    if _relates(text, one, end):
        return Role.OPERAND
    if one.bare and (_NAMED.search(before) and not _QUANTITY.search(before)):
        return Role.NONE if not re.search(r"\b(?:in|to)\s?[*(]*$", before, re.IGNORECASE) else Role.GIVEN
    if _LINK.search(before) or _QUANTITY.search(before) or _GIVES.search(before):
        return Role.OBJECT
    if _GIVEN.search(before):
        return Role.GIVEN
    return Role.MENTION


def _is_fraction(text: str, one: Numeral) -> bool:
    return "/" in text[one.start : one.end] or "frac" in text[one.start : one.end]


def _part(text: str, one: Numeral) -> bool:
    """Whether a numeral is a share that an "of" makes an operand: 50% of 24, 3/4 of 100."""
    written_as = text[one.start : one.end]
    return written_as.endswith(("%", "percent", "cent")) or _is_fraction(text, one)


def _relates(text: str, one: Numeral, end: int) -> bool:
    """Whether what follows makes a numeral one side of a comparison or a product: "5 more than 7", "3 times 4"."""
    relation = _RELATION.match(text, one.end, end)
    return relation is not None and (
        "of" not in relation[0].lower().split()[:2] or _part(text, one) or "text" in relation[0]
    )


def _after_equals(before: str) -> bool:
    """Whether what stands before a numeral ends with an equals sign and filler."""
    at = -1
    for match in _EQUALS.finditer(before):
        at = match.end()
    if at < 0:
        return False
    rest = before[at:]
    return (
        re.fullmatch(
            r"[\s$€£¥*_(\[{~\\,;!&:]*(?:(?:text|mathrm|mathbf|boxed|approx|US|R|about|approximately)[\s{$]*)*", rest
        )
        is not None
    )


def _fraction_before(text: str, one: Numeral, start: int) -> bool:
    """Whether the left side of a `≈` is itself one exact number."""
    at = max(text.rfind("≈", start, one.start), text.rfind("\\approx", start, one.start))
    left = text[max(start, at - 24) : at].rstrip(" $")
    return re.search(r"(?:^|[\s=$])\(?-?(?:\d+/\d+|\\[dt]?frac\{\d+\}\{\d+\})\)?$", left) is not None


def _in_brackets(text: str, start: int, one: Numeral) -> bool:
    opening = text.rfind("(", max(start, one.start - 120), one.start)
    if opening < 0 or text.find(")", opening, one.start) >= 0:
        return False
    closing = text.find(")", one.end, one.end + 200)
    return closing >= 0 and (opening == start or not (text[opening - 1].isalnum() or text[opening - 1] in "\\}"))


def _no_number(text: str, first: Numeral, start: int, end: int, direct: bool) -> Numeral | None:
    """A numeral without a value where a box holds a list, an interval or something algebraic."""
    if "=" in text[start:end] or "\\approx" in text[start:end] or "≈" in text[start:end]:
        return None
    letter = _VARIABLE.match(text, first.end, end)
    if direct and letter and letter[0].strip()[:1] not in _LETTER_UNITS and not re.search(r"text|mathrm", letter[0]):
        return first._replace(value=None)
    opened = text[start:end].lstrip("$ ").startswith(("(", "[", "\\{", "\\left"))
    listed = _LISTED.match(text, first.end, end)
    if listed and (direct or opened):
        return first._replace(value=None)
    return None


def _goes_on(text: str, end: int) -> bool:
    """Whether the next sentence or line has an equation too."""
    return _EQUATION_NEXT.match(text, end, end + 300) is not None


def _best(found: list[Candidate]) -> Candidate:
    """The candidate of the highest rank, the last of equals; digits that are no one number only where all are."""
    return max(found, key=lambda one: (one.rank, one.numeral.value is not None, one.numeral.start))


def _more_digits(text: str, start: int) -> bool:
    return any(character.isdigit() for character in text[start : start + 2000])


def _spelled(text: str, start: int, end: int) -> Numeral | None:
    filler = _FILLER.match(text, start, end)
    assert filler is not None  # it may be empty
    spelled = written(text, filler.end(), end)
    if spelled is not None:
        return Numeral(spelled[0], filler.end(), spelled[1], False)
    anywhere = written_anywhere(text, start, end)
    return None if anywhere is None else Numeral(anywhere[0], anywhere[1], anywhere[2], False)


def _leading(text: str, parts: list[Segment], style: Style) -> Found | None:
    """The number that a reply opens with, as a sentence or line of its own, where what follows only explains it."""
    first = parts[0]
    if first.label not in ("text", "heading"):
        return None
    rest = parts[1:]
    number = None
    filler = _FILLER.match(text, first.start, first.end)
    assert filler is not None  # it may be empty
    number = numeral_at(text, filler.end(), style)
    if number is None and (spelled := written(text, filler.end(), first.end)) is not None:
        number = Numeral(spelled[0], filler.end(), spelled[1], False)
    if number is not None and number.value is not None and number.end <= first.end:
        if _is_numbering(text, number) and (number.value == 1 or f"\n{number.value + 1}." in text):
            return None
        tail = text[number.end : first.end]
        another = written_anywhere(text, number.end, first.end) is not None
        alone = not another and re.fullmatch(
            r"[*_`$%)\\\]}]*+(?:\s++[^\W\d]++){0,4}+\s*+(?:\([^\n]*\))?[\s.!;…*_`$)\\\]}]*+", tail
        )
        explained = re.match(
            r"[*_\s]*(?:[^\W\d]+\s){0,3}[*_]*[,;:(—–-]?\s*(?:since|because|as|for|\()", tail.lstrip("*_ ")
        )
        ends_sentence = text[first.end : first.end + 1] in ".!" or text.startswith(
            ("...", "…", " …", " ..."), number.end
        )
        if alone and (not rest or ends_sentence or _explains(text, rest, first)):
            return Found(number, "leading", True)
        if explained and not any(
            part.line > first.line and _CONCLUDES.search(text, part.start, part.end) for part in rest
        ):
            return Found(number, "leading", True)
    if rest and all(part.label in ("item", "row", "heading", "check", "note", "aside", "offer") for part in rest):
        if text[first.start : first.end].rstrip().endswith(":"):
            return None
        bold = [
            one
            for one in candidates(text, first.start, min(first.end, first.start + _REACH), style)
            if one.bold and one.role > Role.OPERAND
        ]
        if bold and bold[-1].numeral.value is not None:
            return Found(bold[-1].numeral, "bold", True)
    return None


def _explains(text: str, rest: list[Segment], first: Segment) -> bool:
    """Whether what follows a first line is set apart from it, and comes to no conclusion of its own."""
    gap = (
        re.match(r"[.!*_]*\s*\n\s*\n", text[first.end : first.end + 40]) is not None
        or "\n\n" in text[first.start : rest[0].start]
    )
    if not gap:
        return False
    last = rest[-1]
    lists = all(part.label != "text" for part in rest)
    return lists or not (_EQUALS.search(text, last.start, last.end) or _CONCLUDES.search(text, last.start, last.end))


def of_segment(text: str, part: Segment, style: Style, *, last: bool = False) -> Found | None:
    """The number that a sentence gives; one without a value where its digits are no one number."""
    quick = _last_result(text, part, style)
    if quick is not None:
        return Found(quick, "equation", True)
    numbers = [one for one in candidates(text, _within_reach(text, part), part.end, style) if one.role > Role.NONE]
    spelled = None
    if not any(one.role >= Role.MENTION for one in numbers):
        anywhere = written_anywhere(text, part.start, part.end)
        if anywhere is not None:
            spelled = Numeral(anywhere[0], anywhere[1], anywhere[2], False)
            emphasised = text[max(0, spelled.start - 3) : spelled.start].find("**") >= 0
            if emphasised or not numbers or last:
                return Found(spelled, "conclusion", emphasised or last)
    if not numbers:
        return None
    best = _best(numbers)
    if best.numeral.value is None and not best.bold:
        best = best._replace(numeral=_last_of_list(text, best.numeral, style))
    if best.role == Role.OPERAND and not best.bold:
        return None
    if best.bold:
        return Found(best.numeral, "bold", True)
    if best.role == Role.RESULT:
        return Found(best.numeral, "equation", True)
    if best.role == Role.GIVEN:
        return Found(best.numeral, "last number", False)
    concludes = _CONCLUDES.search(text, part.start, part.end) is not None or best.role == Role.OBJECT
    concludes = concludes or last
    return Found(best.numeral, "conclusion" if concludes else "last number", concludes)


def _last_result(text: str, part: Segment, style: Style) -> Numeral | None:
    """The last numeral of a plain sentence where it is an equation's result: the most frequent end of a reply."""
    at = max(text.rfind("= ", part.start, part.end), text.rfind("=$", part.start, part.end))
    if at < 0 or any(map(text[part.start : part.end].__contains__, _HEDGES)):
        return None
    found = numeral_at(text, at + 1 + (text[at + 1] == " "), style)
    if found is None or found.value is None or found.end > part.end or _last_digit(text, found.end, part.end):
        return None
    return None if _OPERATION.match(text, found.end, part.end) else found


def _last_digit(text: str, start: int, end: int) -> bool:
    return any(map(text[start:end].__contains__, "0123456789½¼¾⅓⅔"))


def _within_reach(text: str, part: Segment) -> int:
    """Where the end of a sentence starts that is looked at: not within a number."""
    start = max(part.start, part.end - _REACH)
    while start > part.start and (text[start - 1].isdigit() or text[start - 1] in ".,"):
        start -= 1
    return start


def _any(text: str, parts: list[Segment], style: Style) -> Found | None:
    """The last number of all, operands and checks too, where nothing better is there."""
    for part in reversed(parts[-_PARTS:]):
        if part.label in ("offer", "supposition", "note"):
            continue
        for one in reversed(candidates(text, _within_reach(text, part), part.end, style)):
            if one.role > Role.NONE:
                number = _last_of_list(text, one.numeral, style) if one.numeral.value is None else one.numeral
                return Found(number, "last number", False)
    return None


def _last_of_list(text: str, found: Numeral, style: Style) -> Numeral:
    """The last of numbers in a list without spaces (`1,2,3`), where that is what the numeral is."""
    comma = max(text.rfind(",", found.start, found.end), text.rfind(" ", found.start, found.end))
    pieces = list(numerals(text, comma + 1, found.end, style)) if comma > found.start else []
    return pieces[-1] if pieces and ":" not in text[found.start : found.end] else found


def _is_numbering(text: str, found: Numeral) -> bool:
    """Whether a numeral numbers an item of a list: `2. Then …`, `(3) …` at the start of a line."""
    if not found.bare or found.end - found.start > 2 or not _NUMBERING.match(text, found.end):
        return False
    near = max(0, found.start - 12)
    line = text.rfind("\n", near, found.start) + 1
    return (line > 0 or near == 0) and not text[line or near : found.start].strip(" \t*#>-(•")
