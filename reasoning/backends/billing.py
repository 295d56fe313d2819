"""What a draw adds to the bill."""

from reasoning.completion import Completion
from reasoning.request import Request
from reasoning.usage import Usage

_LONGEST_TOKENS = 16
"""Bytes of text a token on average that no tokenizer goes beyond: usual texts have 3 to 5, code up to 8."""
_BYTES_PER_TOKEN = 4
"""What a token is taken for where its number is not to be believed."""


def billed_in_call(usage: Usage, *, first: bool, cached: int = 0) -> Usage | None:
    """What a sample adds to the bill, where that is not its own usage.

    A prompt is computed and billed once for all samples of a call, less what a cache had of it.

    Args:
        usage: The sample's own: as if it had been bought alone.
        first: True for the sample of the call that is billed the prompt.
        cached: Prompt tokens that were in a cache.
    """
    billed = usage.model_copy(update={"cached_tokens": cached} if first else {"prompt_tokens": 0})
    return billed if billed != usage else None


def spent(completion: Completion, request: Request) -> Usage:
    """What a draw has cost, which is never less than what its texts imply, whatever was stated.

    A driver may know of more tokens than stand in the text (hidden reasoning), but not of fewer than a sixteenth of its
    bytes, or than there are log-probabilities: such a number is a fault of the server, and an estimate takes its place.
    """
    usage, billed = completion.usage, completion.billed or completion.usage
    read = billed.prompt_tokens
    if completion.failure is None and read == usage.prompt_tokens:  # else another sample of the call has the prompt
        read = _believed(read, request.prompt_bytes)
    text_bytes = len(completion.text.encode("utf-8", "surrogatepass"))
    written = _believed(billed.completion_tokens, text_bytes, request.sampling.max_tokens)
    if completion.logprobs is not None:
        written = max(written, len(completion.logprobs.tokens))
    if (read, written) == (billed.prompt_tokens, billed.completion_tokens):
        return billed
    return billed.model_copy(update={"prompt_tokens": read, "completion_tokens": written, "estimated": True})


def _believed(stated: int, utf8_bytes: int, most: int | None = None) -> int:
    least = -(-utf8_bytes // _LONGEST_TOKENS)
    if stated >= least:
        return stated
    estimate = -(-utf8_bytes // _BYTES_PER_TOKEN)
    return estimate if most is None else max(least, min(estimate, most))
