"""Credentials that a server says back are hidden before anything else sees its reply."""

from collections.abc import Iterable, Mapping
from typing import Any

HIDDEN = "[hidden]"
_ESCAPED = (*(b"\\u00%d" % high for high in range(2, 8)), b"\\/")
"""What a reply may write a credential's characters with, so that it is not found as it stands."""


class Hiding:
    """Takes credentials out of whole replies: texts, model names, fingerprints, tokens.

    Args:
        secrets: The credentials, in each form in which a server could say them back.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._bytes = [secret.encode() for secret in self._secrets]

    def __call__(self, body: Any, content: bytes) -> Any:
        """A reply without credentials.

        Args:
            body: The reply, parsed.
            content: The same as it came: a reply that cannot hold a credential is not looked through.
        """
        found = any(sign in content for sign in (*self._bytes, *_ESCAPED))
        return self._of(body) if self._secrets and found else body

    def _of(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {self._text(name): self._of(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._of(inner) for inner in self._tokens(value)]
        return value

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return text

    def _tokens(self, entries: list[Any]) -> list[Any]:
        """A list of tokens, those left out that spell a credential between them."""
        texts = [entry.get("token") if isinstance(entry, Mapping) else entry for entry in entries]
        tokens = [text for text in texts if isinstance(text, str)]
        if len(tokens) < max(2, len(texts)):
            return entries
        whole = "".join(tokens)
        for secret in self._secrets:
            at = whole.find(secret)
            while at >= 0:
                entries = _without(entries, tokens, at, at + len(secret))
                at = whole.find(secret, at + len(secret))
        return entries


def _without(entries: list[Any], tokens: list[str], start: int, end: int) -> list[Any]:
    made, place = [], 0
    for entry, text in zip(entries, tokens, strict=True):
        if place < end and start < place + len(text):
            hidden = (
                {"token": HIDDEN, "logprob": entry.get("logprob"), "top_logprobs": []}
                if isinstance(entry, Mapping)
                else HIDDEN
            )
            made.append(hidden)
        else:
            made.append(entry)
        place += len(text)
    return made
