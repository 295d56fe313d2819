"""A score in the form of a draw, so that the store keeps both in one way."""

import json
from collections.abc import Mapping

from reasoning.backends.backend import Scores
from reasoning.completion import Completion, Failure
from reasoning.message import assistant, user
from reasoning.request import Request


def as_request(request: Request, text: str) -> Request:
    """What is scored: the text as the answer to the request."""
    messages = request.messages or (user(request.prompt or ""),)
    return Request(messages=(*messages, assistant(text)), sampling=request.sampling)


def as_completion(request: Request, scores: Scores) -> Completion:
    """The verdict as draw 0 of what is scored."""
    return Completion(index=0, text=json.dumps(scores.values), usage=scores.usage, request=request)


def as_scores(completion: Completion) -> Scores:
    """The verdict that `as_completion` was given."""
    return Scores(values=tuple(json.loads(completion.text)), usage=completion.usage)


_PASSING_STATUSES = frozenset({408, 409, 425, 429})


def failure_of(error: Exception) -> Failure | None:
    """The failure that could pass for which a scorer raised, None for any other.

    A scorer raises what its client does: a broken or slow connection, or an error with the HTTP status of the answer
    (`status_code`, also of its `response`) and perhaps the headers that say when to ask again.
    """
    words = f"{type(error).__name__}: {error}"
    if isinstance(error, TimeoutError):
        return Failure(kind="timeout", message=words, retryable=True)
    if isinstance(error, ConnectionError):
        return Failure(kind="connection", message=words, retryable=True)
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", getattr(response, "status_code", None))
    if not isinstance(status, int) or not (status in _PASSING_STATUSES or 500 <= status != 501):
        return None
    headers = getattr(response, "headers", None)
    return Failure(
        kind="rate_limit" if status == 429 else "server_error",
        message=words,
        retryable=True,
        retry_after=_retry_after(headers) if isinstance(headers, Mapping) else None,
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(float(headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None
