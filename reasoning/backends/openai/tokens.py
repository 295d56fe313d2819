"""What each sample of an answer used: the server's count where it is one, shared out where it is of several.

- One sample: the server's usage as it is.
- Several samples: the server counts them together. Reasoning tokens are shared out by the length of the reasoning
  text (evenly where it is hidden), the rest by the length of the text; the parts add up to the server's count, and are
  flagged estimated.
- A count that is that of the first sample only (llama.cpp counts so): the others by their length beside the first's.
- No usage, or a count too small for the texts: the number of log-probabilities where there are any, `max_tokens` where
  the text was cut at it, else a token for each 4 bytes of UTF-8; flagged estimated.

A draw's own usage has the whole prompt, uncached, as if bought alone. What the purchase added to the bill has the
prompt once, with the first sample, and what of it was cached.
"""

from collections.abc import Sequence

from reasoning.backends.billing import billed_in_call
from reasoning.backends.openai.answer import Answer, Sample
from reasoning.request import Request
from reasoning.usage import Usage

BYTES_PER_TOKEN = 4
MOST_BYTES_PER_TOKEN = 16
"""No tokenizer needs fewer tokens for a text: what claims to is a count of something else."""


def usages(answer: Answer, request: Request) -> list[tuple[Usage, Usage | None]]:
    """For each sample of an answer its usage, and what it added to the bill where that differs."""
    samples, whole = answer.samples, answer.usage
    limit = request.sampling.max_tokens
    several = len(samples) > 1
    if whole is None or whole.completion_tokens < _least(samples[0]):
        read = whole.prompt_tokens if whole is not None else 0
        whole = Usage(prompt_tokens=read, estimated=True)
        parts = [(_estimate(sample, limit), 0) for sample in samples]
    elif several and not (answer.trusted and _can_be_all(whole, samples, limit)):
        parts = [(written, 0) for written in _beside_the_first(whole.completion_tokens, samples, limit)]
    else:
        parts = _shared_out(whole, samples)
    if not whole.prompt_tokens and request.prompt_bytes:
        whole = whole.model_copy(update={"prompt_tokens": estimated_tokens(request.prompt_bytes), "estimated": True})
    estimated = several or whole.estimated
    found: list[tuple[Usage, Usage | None]] = []
    for place, (written, thought) in enumerate(parts):
        usage = Usage(
            prompt_tokens=whole.prompt_tokens,
            completion_tokens=written,
            reasoning_tokens=thought,
            estimated=estimated,
        )
        found.append((usage, billed_in_call(usage, first=place == 0, cached=whole.cached_tokens)))
    return found


def estimated_tokens(utf8_bytes: int) -> int:
    """Tokens of so many bytes of text, by the stated rule, rounded up."""
    return -(-utf8_bytes // BYTES_PER_TOKEN)


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Splits a total in proportion to weights (evenly where all are 0); the parts add up to it exactly."""
    weights = list(weights) if any(weights) else [1] * len(weights)
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(total * weights[place] % whole))
    for place in by_remainder[: total - sum(parts)]:
        parts[place] += 1
    return parts


def _least(sample: Sample) -> int:
    """Fewer tokens than this a sample cannot have."""
    return -(-_bytes(sample) // MOST_BYTES_PER_TOKEN)


def _can_be_all(usage: Usage, samples: Sequence[Sample], limit: int | None) -> bool:
    """False for a count that is that of one sample: too small for all, or just the limit that one was cut at."""
    if usage.completion_tokens < sum(map(_least, samples)):
        return False
    cut_at_limit = usage.completion_tokens == limit and any(sample.finish == "length" for sample in samples)
    return not (cut_at_limit and sum(_bytes(sample) > 0 for sample in samples) > 1)


def _shared_out(usage: Usage, samples: Sequence[Sample]) -> list[tuple[int, int]]:
    thought = shares(usage.reasoning_tokens, [len(sample.reasoning or "") for sample in samples])
    answered = shares(usage.completion_tokens - usage.reasoning_tokens, [len(sample.text) for sample in samples])
    return [(a + t, t) for a, t in zip(answered, thought, strict=True)]


def _beside_the_first(first: int, samples: Sequence[Sample], limit: int | None) -> list[int]:
    """The tokens of all samples where the first one's are known."""
    size = _bytes(samples[0])
    if not size or any(sample.logprobs is not None for sample in samples):
        return [first, *(_estimate(sample, limit) for sample in samples[1:])]
    others = [
        first if sample.finish == "length" and first == limit else -(-first * _bytes(sample) // size)
        for sample in samples[1:]
    ]  # where the first was cut at the limit, so were the others that were cut
    return [first, *(min(other, limit) if limit is not None else other for other in others)]


def _estimate(sample: Sample, limit: int | None) -> int:
    if sample.logprobs is not None:
        return len(sample.logprobs.tokens)
    if sample.finish == "length" and limit is not None:
        return limit
    return estimated_tokens(_bytes(sample))


def _bytes(sample: Sample) -> int:
    return len(f"{sample.text}{sample.reasoning or ''}".encode())
