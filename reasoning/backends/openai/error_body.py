"""The error in a server's reply, in whatever shape: its words for people, and its codes."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WORDS = (
    "message", "msg", "status_msg", "error_message", "errormessage", "error_description", "description", "detail",
    "title", "raw", "error", "errors", "details", "base_resp", "metadata",
)  # fmt: skip
"""Fields in which servers put the words of an error, or objects that hold them, the usual ones first."""
_CODES = frozenset(
    {
        "code",
        "type",
        "error_code",
        "error_type",
        "status",
        "status_code",
        "http_code",
        "reason",
        "quotaid",
        "innererror",
    }
)
_SAID_BACK = frozenset({"input", "flagged_input", "failed_generation", "ctx", "url", "choices", "output", "usage"})
"""Fields that hold a part of the request, or of the model's output, and no words of the server's own."""
_DEEPEST = 6
_MOST_ENTRIES = 8
_LONGEST, _TAIL = 4000, 1000
_PAGE = re.compile(r"\s*<(!doctype|html|head|body|\?xml)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Said:
    """What a server says of an error.

    Attributes:
        words: The words for people.
        codes: Its codes, types and statuses, in words.
        status: The HTTP status that the body names; None where it names none.
        parameter: The parameter that it names.
    """

    words: str
    codes: str
    status: int | None
    parameter: str | None

    @property
    def all(self) -> str:
        """Codes and words."""
        return f"{self.codes} {self.words}".strip()


def said_in(body: object) -> Said:
    """The error in a body: parsed JSON, or text."""
    fields = list(_fields(body, 0))
    codes = [str(value) for name, value in fields if name in _CODES and isinstance(value, str | int)]
    codes = [code for code in codes if code not in ("", "None")]
    numbers = [int(code) for code in codes if len(code) == 3 and code.isascii() and code.isdigit()]
    parameter = next((value for name, value in fields if name == "param" and isinstance(value, str)), None)
    words = text_of_page(body) if isinstance(body, str) else _words(body) or (repr(body) if body else "")
    status = next((number for number in numbers if 400 <= number < 600), None)
    return Said(_cut(words), _cut(" ".join(codes)), status, parameter or _place(fields))


def _cut(text: str) -> str:
    """The beginning and the end of a text: some servers say the whole request back."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - _TAIL]} … {text[-_TAIL:]}"


def has_error(body: Mapping[str, Any]) -> bool:
    """True where a body says something to people, as errors do."""
    return bool(_words(body))


def is_page(body: object) -> bool:
    """True where a body is a web page, which no API sends."""
    return isinstance(body, str) and _PAGE.match(body) is not None


def text_of_page(text: str) -> str:
    """A text as it is; of a web page its title."""
    if not is_page(text):
        return text
    title = re.search(r"<title[^<>]*+>([^<]*+)</title>", text, re.IGNORECASE)
    named = f" {html.unescape(title[1]).strip()!r}" if title else ""
    return f"a web page{named}: {' '.join(text[:100].split())}…"


def _fields(body: object, depth: int) -> Iterator[tuple[str, Any]]:
    """All fields of a body that hold the server's own words, those within others too; names in lower case."""
    if depth > _DEEPEST:
        return
    if isinstance(body, list):
        for one in body[:_MOST_ENTRIES]:
            yield from _fields(one, depth + 1)
    elif isinstance(body, Mapping):
        for name, value in body.items():
            if name not in _SAID_BACK:
                yield name.lower(), value
                yield from _fields(value, depth + 1)


def _place(fields: list[tuple[str, Any]]) -> str | None:
    """The parameter at which FastAPI's list of errors points: `["body", "seed"]`."""
    places = (value for name, value in fields if name == "loc" and isinstance(value, list) and len(value) > 1)
    return next((str(place[-1]) for place in places), None)


def _words(body: object) -> str:
    """What a body says in those fields that hold words, each once; "" where it says nothing."""
    said: list[str] = []
    for text in _texts(body, 0):
        if not any(text in earlier for earlier in said):
            said.append(text)
    return "; ".join(said)


def _texts(body: object, depth: int) -> Iterator[str]:
    if isinstance(body, str):
        yield from [text_of_page(body)] if body and body != "None" else []
    elif isinstance(body, list) and depth < _DEEPEST:
        for one in body[:_MOST_ENTRIES]:
            yield from _texts(one, depth + 1)
    elif isinstance(body, Mapping) and depth < _DEEPEST:
        fields = {name.lower(): value for name, value in body.items()}
        place = f"{'.'.join(map(str, body['loc']))}: " if isinstance(body.get("loc"), list) else ""
        found = [text for name in _WORDS for text in _texts(fields.get(name), depth + 1)]
        yield from (f"{place}{text}" for text in found)
        if found and isinstance(body.get("type"), str) and body["type"] not in ("", "None", "error"):
            yield f"({body['type']})"
