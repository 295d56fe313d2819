"""What a server's refusal, or the lack of an answer, means for a draw or for the run."""

import os
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from reasoning.backends.openai.waits import told_wait
from reasoning.completion import Failure, FailureKind
from reasoning.errors import AuthenticationError, BadRequestError

Verdict = Literal["authentication", "bad_request", "content_filter"] | FailureKind

_RETRYABLE: frozenset[str] = frozenset({"rate_limit", "timeout", "connection", "server_error", "malformed"})
_OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|context (length|size|window)"
    r"|prompt is too long|too many (input )?tokens|reduce the length",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"content_filter|content_policy|content management policy|usage polic|responsibleai|invalid_prompt|safety system"
    r"|requires moderation|input was flagged",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota|billing_(hard_limit|not_active)", re.IGNORECASE)
_NOT_TAKEN = re.compile(
    r"unsupported|not support|unknown|unrecognized|unrecognised|unexpected|extra (inputs|fields)|extra_forbidden"
    r"|not permitted|not allowed|not available|cannot find field|does not take|only the default",
    re.IGNORECASE,
)
_KEY_LIKE = re.compile(r"\b(sk|key|gsk|hf|xai|AIza)[-_][A-Za-z0-9_*\-]{6,}|(?<=Bearer )\S+")


@dataclass(frozen=True)
class Trouble:
    """No answer to a request.

    Attributes:
        verdict: What it means: stop the run, a filtered draw, or a failed one.
        message: One sentence with the server's words, without credentials.
        retry_after: Seconds that the server asked to wait.
        words: The server's error as text, for finding the parameter that it does not take.
        parameter: The parameter that the server named.
    """

    verdict: Verdict
    message: str
    retry_after: float | None = None
    words: str = ""
    parameter: str | None = None

    @property
    def failure(self) -> Failure:
        """The failure of a draw.

        Raises:
            AuthenticationError: The key is refused, or its account is exhausted: the run stops.
            BadRequestError: The request is refused as such: the run stops.
        """
        if self.verdict == "authentication":
            raise AuthenticationError(self.message)
        if self.verdict == "bad_request":
            raise BadRequestError(self.message)
        assert self.verdict != "content_filter", "a filtered draw is no failed one"
        return Failure(
            kind=self.verdict,
            message=self.message,
            retryable=self.verdict in _RETRYABLE,
            retry_after=self.retry_after,
        )

    def refuses(self, parameters: Iterable[str]) -> str | None:
        """The one of these parameters that the server says it does not take, if that is the trouble."""
        if self.verdict != "bad_request":
            return None
        names = sorted(parameters, key=len, reverse=True)
        named = self.parameter if self.parameter in names else None
        named = named or next((name for name in names if _names(self.words, name)), None)
        if named == "n":
            return named
        if named in ("reasoning_effort", "reasoning.effort") and "unsupported value" in self.words.lower():
            return None  # another value is taken: the words say which
        too_long = named == "stop" and "too long" in self.words
        return named if named is not None and (too_long or _NOT_TAKEN.search(self.words)) else None


def _names(words: str, parameter: str) -> bool:
    """True where a text quotes a parameter's name; one letter alone or a common word must not do."""
    if parameter == "n":
        return re.search(r"['\"`]n(_cmpl)?['\"`]|\bn_cmpl\b|\bn ?(>|must|should|=)", words) is not None
    return (
        re.search(rf"['\"`.]{re.escape(parameter)}['\"`]|\b{re.escape(parameter)}\b(?=.*\b(is|not))", words) is not None
    )


class Scrubber:
    """Takes credentials out of texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted(secrets, key=len, reverse=True)

    def __call__(self, text: str, most: int = 600) -> str:
        """The text on one line without credentials, cut to `most` characters."""
        for secret in self._secrets:
            text = text.replace(secret, "[hidden]")
        text = " ".join(_KEY_LIKE.sub("[hidden]", text).split())
        return text if len(text) <= most else f"{text[:most]}…"


def of_status(
    where: str, status: int, headers: Mapping[str, str], body: object, scrub: Scrubber, sent: str = ""
) -> Trouble:
    """What an answer with an error status means.

    Args:
        where: The endpoint.
        status: The HTTP status.
        headers: The answer's headers.
        body: Its body: parsed JSON, or text.
        scrub: Takes credentials out.
        sent: What was sent where, e.g. `"POST /chat/completions"`.
    """
    error = _error_of(body)
    words = _words(error if error is not None else body)
    code = str(error.get("code") or "") if error is not None else ""
    said = scrub(words) or "nothing more"
    verdict = _verdict(status, f"{code} {words}")
    message = f"{where} answered {status} to {sent}: {said.rstrip('.')}.{_remedy(verdict, status)}"
    parameter = error.get("param") if error is not None else None
    parameter = parameter if isinstance(parameter, str) else None
    return Trouble(verdict, message, told_wait(headers, body, words), scrub(f"{code} {words}"), parameter)


def _verdict(status: int, words: str) -> Verdict:
    if status == 402 or (status in (403, 429) and _QUOTA.search(words)):
        return "authentication"
    if status in (400, 403, 404, 413, 422) and _POLICY.search(words):
        return "content_filter"
    if status == 413 or (status in (400, 422, 500) and _OVERFLOW.search(words)):
        return "context_overflow"
    if status in (401, 403):
        return "authentication"
    if status in (408, 504):
        return "timeout"
    if status == 429:
        return "rate_limit"
    if status == 409 or (status >= 500 and status != 501):
        return "server_error"
    return "bad_request"


def _remedy(verdict: Verdict, status: int) -> str:
    if verdict == "authentication" and status in (402, 403, 429):
        return " Check the account's credit and the rights of the key in OPENAI_API_KEY or api_key=."
    if verdict == "authentication":
        return " Check the key in OPENAI_API_KEY or api_key=."
    if verdict == "bad_request" and status in (404, 405, 501):
        return " Check the model's name and base_url (it mostly ends in /v1)."
    if verdict == "bad_request":
        return " Change what the message names."
    return ""


def _error_of(body: object) -> dict[str, Any] | None:
    """The error object in a body, in the shapes that servers use."""
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, dict):
        return error
    return body if {"message", "detail", "code"} & body.keys() and not isinstance(error, str) else None


def _words(body: object) -> str:
    """What a body says, as text: the message where there is one, and anything else whole."""
    if isinstance(body, dict):
        for name in ("message", "detail", "error"):
            if body.get(name):
                extra = f" ({body['type']})" if isinstance(body.get("type"), str) else ""
                return f"{_words(body[name])}{extra}"
    return body if isinstance(body, str) else repr(body) if body is not None else ""


def of_broken_connection(where: str, error: BaseException, scrub: Scrubber) -> Trouble:
    """What a connection that could not be made, or that broke, means."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    return _no_connection(where, scrub(next(filter(None, map(_why, reversed(causes))))).rstrip("."))


def of_slow_connection(where: str, seconds: float) -> Trouble:
    """No connection in time."""
    return _no_connection(where, f"there was none within {seconds:g} s")


def _no_connection(where: str, why: str) -> Trouble:
    return Trouble("connection", f"The connection to {where} failed: {why}. Check base_url and that the server runs.")


def _why(error: BaseException) -> str:
    """An error in words; the system's own where it is one of the system's (those two number theirs otherwise)."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror | ssl.SSLError):
        return os.strerror(error.errno)
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def of_timeout(where: str, seconds: float) -> Trouble:
    """No answer in time."""
    return Trouble("timeout", f"{where} did not answer within {seconds:g} s. Raise timeout_s if it needs longer.")


def malformed(where: str, what: str, scrub: Scrubber) -> Trouble:
    """An answer that cannot be read."""
    return Trouble("malformed", f"{where} sent an answer that cannot be read: {scrub(what, 200).rstrip('.')}.")
