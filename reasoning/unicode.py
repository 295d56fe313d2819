"""Text that every encoder takes.

A reply that is cut within a character, or encoded wrongly on its way, can hold half of a surrogate pair: Python keeps
it in a string, and whatever writes that string later (a JSON file, a terminal, the next request) raises.
"""

from typing import Annotated

from pydantic import AfterValidator


def well_formed(text: str) -> str:
    """The text with halves of surrogate pairs joined, and U+FFFD in place of those that stand alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


Text = Annotated[str, AfterValidator(well_formed)]
"""A text that is well-formed once it is validated."""
