"""What a server's refusal, or the lack of an answer, means for a draw or for the run."""

import os
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from reasoning.backends.openai.error_body import is_page, said_in
from reasoning.backends.openai.meanings import for_days, in_a_window, meant
from reasoning.backends.openai.refusals import Refusal, refusal_in
from reasoning.backends.openai.waits import told_wait
from reasoning.completion import Failure, FailureKind
from reasoning.errors import AuthenticationError, BadRequestError, RunStopped

Verdict = Literal["authentication", "bad_request", "content_filter"] | FailureKind

LONGEST_WINDOW_S = 3600.0
"""The longest time in which a limit is a window to wait for; a longer one ends the run like an empty account."""

_RETRYABLE: frozenset[str] = frozenset({"rate_limit", "timeout", "connection", "server_error", "malformed"})
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
        foreign: True where the reply is none of this API's at all, as of a web page.
    """

    verdict: Verdict
    message: str
    retry_after: float | None = None
    words: str = ""
    parameter: str | None = None
    foreign: bool = False

    @property
    def failure(self) -> Failure:
        """The failure of a draw."""
        assert self.verdict not in ("authentication", "content_filter"), "this is no failed draw"
        return Failure(
            kind="unsupported" if self.verdict == "bad_request" else self.verdict,
            message=self.message,
            retryable=self.verdict in _RETRYABLE,
            retry_after=self.retry_after,
        )

    @property
    def end(self) -> RunStopped | None:
        """What stops the run at once: the key is refused, or its account has ended."""
        return AuthenticationError(self.message) if self.verdict == "authentication" else None

    @property
    def end_unless_answered(self) -> RunStopped | None:
        """What stops the run where the server has answered nothing yet; afterwards it costs its own draw alone."""
        return BadRequestError(self.message) if self.verdict == "bad_request" or self.foreign else None

    def refuses(self, sent: Mapping[str, Any]) -> Refusal | None:
        """The one of these parameters that the server says it does not take, if that is the trouble."""
        said_so = self.verdict == "bad_request" or (self.verdict == "server_error" and "support" in self.words)
        return refusal_in(self.words, self.parameter, sent) if said_so or self.parameter in sent else None


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
    """What an answer with an error means.

    Args:
        where: The endpoint.
        status: The HTTP status; 200 where the error stands in a body that came as an answer.
        headers: The answer's headers.
        body: Its body: parsed JSON, or text.
        scrub: Takes credentials out.
        sent: What was sent where, e.g. `"POST /chat/completions"`.
    """
    said = said_in(body)
    wait = told_wait(headers, body, said.all)
    meant_status = status if status >= 300 else said.status if said.status != 500 else None  # 500 says no more than 200
    verdict = _verdict(meant_status, said.all, wait, page=is_page(body))
    told = (scrub(said.words) or "nothing more").rstrip(".")
    answered = f"{status}" if status >= 300 else f"{status} with an error"
    message = f"{where} answered {answered} to {sent}: {told}.{_remedy(verdict, status, said.all, wait)}"
    return Trouble(verdict, message, wait, scrub(said.all), said.parameter)


def _verdict(status: int | None, words: str, wait: float | None, *, page: bool) -> Verdict:
    """What an error means, by its words first and its status then; None is one without a status."""
    if _ends_the_account(status, words, wait):
        return "authentication"
    if status != 429:
        if status == 451 or (status != 402 and _filtered(status, words)):
            return "content_filter"
        if status in (401, 402) or meant(words, "key_refused"):
            return "authentication"
    if status in (None, 400, 413, 429) and meant(words, "too_large"):
        return "bad_request"
    if status == 413 or (status in (None, 400, 422, 500) and _too_long(words)):
        return "context_overflow"
    return _verdict_by_status(status, words, page)


def _filtered(status: int | None, words: str) -> bool:
    """Whether a filter refuses the content: a server's own fault must name it in so many words."""
    named = re.search(
        r"content_?\W?(filter|policy|moderation)|inspection|inappropriate|敏感|不安全", words, re.IGNORECASE
    )
    return meant(words, "filtered") and (status is None or status < 500 or named is not None)


def _ends_the_account(status: int | None, words: str, wait: float | None) -> bool:
    """Whether a limit is the account's end, and not a window that passes."""
    if meant(words, "account_ended") or (meant(words, "quota") and wait is None and not in_a_window(words)):
        return True
    return status in (None, 429) and _outlasts_windows(words, wait)


def _outlasts_windows(words: str, wait: float | None) -> bool:
    """Whether a limit is one of hours or days, by the wait that is told or by its words."""
    of_days = for_days(words) and not in_a_window(words)
    return (wait or 0.0) > LONGEST_WINDOW_S or (wait is None and of_days) or "PerDay" in words


def _too_long(words: str) -> bool:
    """Whether the prompt is too long: a limit on the answer's length alone is a parameter's."""
    of_the_answer = re.search(r"max_(\w+_)?tokens|(completion|output) tokens", words)
    of_the_prompt = re.search(r"prompt|input|messages|context.length|model length", words, re.IGNORECASE)
    return meant(words, "too_long") and (of_the_answer is None or of_the_prompt is not None)


def _verdict_by_status(status: int | None, words: str, page: bool) -> Verdict:
    if status == 403 and page:
        return "bad_request"  # a firewall's page: it may be for this one request
    if status == 403:
        return "rate_limit" if meant(words, "limited") and in_a_window(words) else "authentication"
    if status in (408, 504, 524):
        return "timeout"
    if status in (429, 498):
        return "rate_limit"
    if status in (404, 405, 501) or (status is None and meant(words, "elsewhere")):
        return "bad_request"
    if meant(words, "limited"):
        return "rate_limit"
    if meant(words, "unparsed"):
        return "malformed"
    if status is None or status >= 500 or status in (409, 424, 425, 499) or meant(words, "passing"):
        return "server_error"
    return "bad_request"


def _remedy(verdict: Verdict, status: int, words: str, wait: float | None) -> str:
    if verdict == "authentication" and _outlasts_windows(words, wait) and not meant(words, "account_ended"):
        return " The limit lasts longer than an hour: once it is reset, the same command resumes."
    if verdict == "authentication" and (status in (402, 403, 429) or not meant(words, "key_refused")):
        return " Check the account's credit and the rights of the key in OPENAI_API_KEY or api_key=."
    if verdict == "authentication":
        return " Check the key in OPENAI_API_KEY or api_key=."
    if verdict == "bad_request" and status == 403:
        return " Check base_url, and the proxy or firewall in between."
    if verdict == "bad_request" and (status in (200, 404, 405, 501) or meant(words, "elsewhere")):
        return " Check the model's name and base_url (it mostly ends in /v1)."
    if verdict == "bad_request":
        return " Change what the message names."
    return ""


def of_foreign(where: str, what: str, scrub: Scrubber) -> Trouble:
    """A reply with status 200 that is none of the API's: a web page, or JSON of something else."""
    message = (
        f"{where} answered with what is no reply of an OpenAI-compatible server: {scrub(what, 200).rstrip('.')}. "
        "Check base_url (it mostly ends in /v1)."
    )
    return Trouble("malformed", message, foreign=True)


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
