"""How languages write numbers, and how they say that an answer follows."""

from functools import cache
from typing import Final, NamedTuple

from reasoning.errors import UnknownNameError


class Locale(NamedTuple):
    """The habits of one language.

    Attributes:
        comma: Whether the decimal sign is a comma (and a point groups thousands).
        answer: Words for "answer", in lower case.
        verbs: What may stand between such a word and the answer, besides a colon.
    """

    comma: bool = False
    answer: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()


LOCALES: Final[dict[str, Locale]] = {
    "en": Locale(),
    "ar": Locale(answer=("الإجابة", "الجواب"), verbs=("هي", "هو")),
    "bn": Locale(answer=("উত্তর",), verbs=("হল", "হলো", "হচ্ছে")),
    "cs": Locale(True, ("odpověď",), ("je", "zní")),
    "da": Locale(True, ("svar", "svaret"), ("er",)),
    "de": Locale(True, ("antwort", "lösung", "ergebnis"), ("ist", "lautet", "beträgt")),
    "es": Locale(True, ("respuesta",), ("es", "será")),
    "fi": Locale(True, ("vastaus",), ("on",)),
    "fr": Locale(True, ("réponse",), ("est", "sera")),
    "hi": Locale(answer=("उत्तर",), verbs=("है",)),
    "id": Locale(True, ("jawaban", "jawabannya"), ("adalah",)),
    "it": Locale(True, ("risposta",), ("è",)),
    "ja": Locale(answer=("答え", "答"), verbs=("は",)),
    "ko": Locale(answer=("정답", "답"), verbs=("은", "는")),
    "nl": Locale(True, ("antwoord",), ("is", "luidt")),
    "no": Locale(True, ("svar", "svaret"), ("er",)),
    "pl": Locale(True, ("odpowiedź",), ("to", "brzmi", "wynosi")),
    "pt": Locale(True, ("resposta",), ("é", "será")),
    "ru": Locale(True, ("ответ",), ("равен", "это")),
    "sv": Locale(True, ("svar", "svaret"), ("är",)),
    "sw": Locale(answer=("jibu",), verbs=("ni",)),
    "te": Locale(answer=("సమాధానం",), verbs=("ఏమిటంటే",)),
    "th": Locale(answer=("คำตอบ",), verbs=("คือ",)),
    "tr": Locale(True, ("cevap", "yanıt"), ()),
    "uk": Locale(True, ("відповідь",), ("є", "це")),
    "vi": Locale(True, ("đáp án",), ("là",)),
    "zh": Locale(answer=("答案", "答"), verbs=("就是", "是", "为", "為")),
}  # fmt: skip
"""By language code. What English writers write is understood in every locale, where it means nothing else there."""


@cache
def locale(name: str) -> Locale:
    """The habits of a language.

    Raises:
        UnknownNameError: No such language code.
    """
    if name not in LOCALES:
        raise UnknownNameError("locale", name, LOCALES)
    return LOCALES[name]
