"""A score in the form of a draw, so that the store keeps both in one way."""

import json

from reasoning.backends.backend import Scores
from reasoning.completion import Completion
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
