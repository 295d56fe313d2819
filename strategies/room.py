"""How many tokens a reply may have, where nobody says: room to think for a model that thinks, and for no other.

Where it is not known whether a model thinks, `max_tokens` bounds the answer alone (`Sampling.limit`): the backend adds
room for thoughts once a reply shows some. So the request, and with it the key of its draws, is the same before and
after that.
"""

from reasoning.backends.backend import Backend
from reasoning.sampling import Sampling


def thinks(backend: Backend, sampling: Sampling) -> bool:
    """True where the model is known to reason by itself before it answers, and is not asked to leave that out."""
    return backend.capabilities.thinks is True and sampling.effort != "none" and sampling.thinking_tokens != 0


def limited(sampling: Sampling, backend: Backend, tokens: int, *, chat: bool = True) -> Sampling:
    """Settings whose limit is stated.

    Args:
        sampling: A limit in it stands.
        backend: Who is asked.
        tokens: What the answer of a model needs that does not think.
        chat: Whether it is asked in a chat: plain text makes no model think.
    """
    if sampling.max_tokens is not None:
        return sampling
    if thinks(backend, sampling):
        most = max(tokens + (sampling.thinking_tokens or 0), sampling.room_to_think)
        return sampling.model_copy(update={"max_tokens": most})
    more = {"limit": "answer"} if chat and backend.capabilities.thinks is None else {}
    return sampling.model_copy(update={"max_tokens": tokens, **more})
