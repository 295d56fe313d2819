"""Values of models and programs as people see them."""

from typing import Final

_TOO_LONG: Final = "with more digits than can be written out"


def shown(value: object, most: int | None = None) -> str:
    """A value as Python writes it, cut to `most` characters; a word for one that Python refuses to write.

    An integer of more than 4,300 digits is refused, and with it whatever holds one.
    """
    try:
        text = repr(value)
    except ValueError:
        return f"a value of type {type(value).__name__} {_TOO_LONG}"
    return text if most is None or len(text) <= most else f"{text[:most]} …"
