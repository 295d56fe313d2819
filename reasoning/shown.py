"""Values of models and programs as people see them."""

import re
from typing import Final

_TOO_LONG: Final = "with more digits than can be written out"
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and line feed, C1
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"  # bidirectional controls, halves of pairs
)


def shown(value: object, most: int | None = None) -> str:
    """A value as Python writes it, cut to `most` characters; a word for one that Python refuses to write.

    An integer of more than 4,300 digits is refused, and with it whatever holds one.
    """
    try:
        text = repr(value)
    except ValueError:
        return f"a value of type {type(value).__name__} {_TOO_LONG}"
    return text if most is None or len(text) <= most else f"{text[:most]} …"


def safe(text: str) -> str:
    r"""A text that does to a terminal what it says and nothing else: control characters as `\u001b`.

    Escape sequences set titles and clipboards, and bidirectional controls show text in another order than it has. Line
    feeds and tabs stay. The form is that of JSON, so that a JSON document is the same document afterwards.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(lambda found: escaped(found[0]), text.replace("\r\n", "\n"))


def escaped(character: str) -> str:
    """A character as JSON writes it in ASCII."""
    return "".join(f"\\u{ord(unit):04x}" for unit in _units(character))


def _units(character: str) -> str:
    if ord(character) < 0x10000:
        return character
    high, low = divmod(ord(character) - 0x10000, 0x400)
    return chr(0xD800 + high) + chr(0xDC00 + low)
