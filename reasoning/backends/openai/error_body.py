"""The error in a server's reply, in whatever shape: its words for people, and its codes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WORDS = ("message", "msg", "status_msg", "detail", "details", "error", "errors", "error_message", "title", "base_resp")
"""Fields in which servers put the words of an error, the usual ones first."""
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
        "quotaId",
        "retryDelay",
    }
)
_SAID_BACK = frozenset({"input", "flagged_input", "failed_generation", "ctx", "url", "choices", "output", "usage"})
"""Fields that hold a part of the request, or of the model's output, and no words of the server's own."""
_DEEPEST = 6


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
    codes = [str(value) for name, value in fields if name in _CODES and value not in (None, "", "None")]
    numbers = [int(code) for code in codes if code.isascii() and code.isdigit() and 400 <= int(code) < 600]
    parameter = next((value for name, value in fields if name == "param" and isinstance(value, str)), None)
    words = _words(body, 0) or (repr(body) if body else "")
    return Said(words, " ".join(codes), numbers[0] if numbers else None, parameter or _place(fields))


def has_error(body: Mapping[str, Any]) -> bool:
    """True where a body says something to people, as errors do."""
    return bool(_words(body, 0))


def _fields(body: object, depth: int) -> Iterator[tuple[str, Any]]:
    """All fields of a body that hold the server's own words, those within others too."""
    if depth > _DEEPEST:
        return
    if isinstance(body, list):
        for one in body[:8]:
            yield from _fields(one, depth + 1)
    elif isinstance(body, Mapping):
        for name, value in body.items():
            if name not in _SAID_BACK:
                yield name, value
                yield from _fields(value, depth + 1)


def _place(fields: list[tuple[str, Any]]) -> str | None:
    """The parameter at which FastAPI's list of errors points: `["body", "seed"]`."""
    places = (value for name, value in fields if name == "loc" and isinstance(value, list) and len(value) > 1)
    return next((str(place[-1]) for place in places), None)


def _words(body: object, depth: int) -> str:
    """What a body says in those fields that hold words; "" where there is none."""
    if isinstance(body, str):
        return body
    if depth > _DEEPEST:
        return ""
    if isinstance(body, list):
        return "; ".join(filter(None, (_words(one, depth + 1) for one in body[:8])))
    if not isinstance(body, Mapping):
        return ""
    words = next(filter(None, (_words(body.get(name), depth + 1) for name in _WORDS)), "")
    if words and isinstance(body.get("loc"), list):
        words = f"{'.'.join(map(str, body['loc']))}: {words}"
    metadata = body.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    extra = [one for one in (raw, body.get("type")) if isinstance(one, str) and one not in ("", "None", "error")]
    return f"{words} ({'; '.join(extra)})" if words and extra else words
