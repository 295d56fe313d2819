"""What each sample of an answer used: the server's count where it is one, shared out where it is of several.

- One sample: the server's usage as it is.
- Several samples: the server counts them together. Reasoning tokens are shared out by the length of the reasoning
  text (evenly where it is hidden), the rest by the length of the text; the parts add up to the server's count, and are
  flagged estimated.
- No usage, or one that cannot be that of all samples (llama.cpp counts one of them): the number of log-probabilities
  where there are any, `max_tokens` where the text was cut at it, else a token for each 4 bytes of UTF-8; flagged
  estimated.

A draw's own usage has the whole prompt, uncached, as if bought alone. What the purchase added to the bill has the
prompt once, with the first sample, and what of it was cached.
"""

from collections.abc import Sequence

from reasoning.backends.billing import billed_in_call
from reasoning.backends.openai.answer import Answer, Sample
from reasoning.request import Request
from reasoning.usage import Usage

BYTES_PER_TOKEN = 4


def usages(answer: Answer, request: Request) -> list[tuple[Usage, Usage | None]]:
    """For each sample of an answer its usage, and what it added to the bill where that differs."""
    samples, whole = answer.samples, answer.usage
    several = len(samples) > 1
    if whole is None:
        whole = Usage(prompt_tokens=estimated_tokens(request.prompt_bytes), estimated=True)
        parts = [(written, 0) for written in _estimated(samples, request)]
    elif several and not (answer.trusted and _can_be_all(whole, samples, request)):
        parts = [(written, 0) for written in _estimated(samples, request)]
    else:
        parts = _shared_out(whole, samples)
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


def _can_be_all(usage: Usage, samples: Sequence[Sample], request: Request) -> bool:
    """False for a count too small for all samples: each has a token, and `max_tokens` where it was cut at that."""
    limit = request.sampling.max_tokens or 1
    least = sum(limit if sample.finish == "length" else bool(sample.text) for sample in samples)
    return usage.completion_tokens >= least


def _shared_out(usage: Usage, samples: Sequence[Sample]) -> list[tuple[int, int]]:
    thought = shares(usage.reasoning_tokens, [len(sample.reasoning or "") for sample in samples])
    answered = shares(usage.completion_tokens - usage.reasoning_tokens, [len(sample.text) for sample in samples])
    return [(a + t, t) for a, t in zip(answered, thought, strict=True)]


def _estimated(samples: Sequence[Sample], request: Request) -> list[int]:
    return [_estimate(sample, request.sampling.max_tokens) for sample in samples]


def _estimate(sample: Sample, limit: int | None) -> int:
    if sample.logprobs is not None:
        return len(sample.logprobs.tokens)
    if sample.finish == "length" and limit is not None:
        return limit
    return estimated_tokens(len(f"{sample.text}{sample.reasoning or ''}".encode()))
