"""What a draw adds to the bill where several of one call share their prompt."""

from reasoning.usage import Usage


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
