"""A reply's body as JSON, whatever the server did to it: cut characters, lone surrogates, hostile depth."""

import re
from typing import Any

from pydantic_core import from_json

_ESCAPES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half of one
    r"|\\.",  # any other escape, so that a backslash that is escaped begins none
    re.DOTALL,
)


def parsed(body: bytes) -> Any:
    """What a body says; bytes that are no UTF-8, and halves of surrogate pairs, become U+FFFD.

    Raises:
        ValueError: It is no JSON, or nested deeper than any reply is.
    """
    try:
        return from_json(body)
    except ValueError:
        text = body.decode("utf-8-sig", "replace")
    return from_json(_ESCAPES.sub(lambda found: r"\ufffd" if found[1] else found[0], text))
