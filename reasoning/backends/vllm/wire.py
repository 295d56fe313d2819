"""Between draws and vLLM's engine: what is asked of it, and what its outputs come to."""

from collections.abc import Mapping, Sequence
from typing import Any

from reasoning.backends.billing import billed_in_call
from reasoning.backends.vllm.thinking import Tagged, Thinking
from reasoning.completion import Completion, Failure, Finish, Logprobs
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.usage import Usage


def sampling_params(sampling: Sampling, count: int, seed: int | None, **more: Any) -> Any:
    """The engine's sampling settings for `count` samples with seeds from `seed` on; what is not set is neutral.

    vLLM gives the i-th sample of a request the seed plus i. The texts come at their end only: between, each token
    would cost this process as much as it costs the engine.
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    samplers = {name: getattr(sampling, name) for name in ("top_p", "top_k", "min_p")}
    return SamplingParams(
        n=count,
        seed=seed,
        temperature=1.0 if sampling.temperature is None else sampling.temperature,
        max_tokens=sampling.max_tokens,
        stop=list(sampling.stop),
        logprobs=sampling.logprobs,
        output_kind=RequestOutputKind.FINAL_ONLY,
        **{name: value for name, value in samplers.items() if value is not None},
        **more,
    )


def completion(
    request: Request,
    index: int,
    sample: Any,
    prompt_tokens: int,
    *,
    first: bool,
    cached: int,
    thinking: Thinking | Tagged | None,
    shared: Mapping[str, Any],
) -> Completion:
    """The completion of one sample.

    Args:
        request: What was asked.
        index: The draw index.
        sample: vLLM's `CompletionOutput`.
        prompt_tokens: Tokens of the prompt.
        first: True for the sample of the call that is billed the prompt.
        cached: Prompt tokens that the engine had cached.
        thinking: Tells reasoning text from the answer; None where all is answer.
        shared: Fields as they are.
    """
    usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=len(sample.token_ids))
    finish: Finish = "length" if sample.finish_reason == "length" else "stop"
    if failure := _cut_short(request, sample, usage):
        return Completion.failed(request, index, failure, shared["latency_s"])
    text, reasoning = sample.text, None
    if thinking is not None:
        text, reasoning, thought = thinking.apart(sample.text, sample.token_ids)
        usage = usage.model_copy(update={"reasoning_tokens": min(thought, usage.completion_tokens)})
    wanted = request.sampling.logprobs
    return Completion(
        index=index,
        text=text,
        reasoning=reasoning,
        finish=finish,
        logprobs=None if wanted is None else _logprobs(sample, wanted),
        usage=usage,
        billed=billed_in_call(usage, first=first, cached=cached),
        request=request,
        **shared,
    )


def _cut_short(request: Request, sample: Any, usage: Usage) -> Failure | None:
    """The failure of a sample that ended for want of room, or that the engine gave up."""
    if sample.finish_reason not in ("stop", "length"):
        message = f"vLLM gave the sample up ({sample.finish_reason})"
        return Failure(kind="server_error", message=message, retryable=True, usage=usage)
    most = request.sampling.max_tokens
    if sample.finish_reason == "stop" or most is None or usage.completion_tokens >= most:
        return None
    message = (
        f"the context ended after {usage.prompt_tokens} prompt and {usage.completion_tokens} completion tokens; "
        "raise max_model_len"
    )
    return Failure(kind="context_overflow", message=message, retryable=False, usage=usage)


def _logprobs(sample: Any, alternatives: int) -> Logprobs:
    """The log-probabilities of the tokens that the text begins in; those of a stop string are cut with it.

    They are the model's own: before temperature, top-k and the like.
    """
    tokens: list[str] = []
    values: list[float] = []
    top: list[tuple[tuple[str, float], ...]] = []
    left = len(sample.text)
    for chosen, entry in zip(sample.token_ids, sample.logprobs or (), strict=False):
        if left <= 0:
            break
        tokens.append(entry[chosen].decoded_token or "")
        values.append(entry[chosen].logprob)
        top.append(_likeliest(entry.values(), alternatives))
        left -= len(tokens[-1])
    return Logprobs(tokens=tuple(tokens), values=tuple(values), top=tuple(top) if alternatives else ())


def _likeliest(entries: Sequence[Any], alternatives: int) -> tuple[tuple[str, float], ...]:
    """The likeliest tokens alone: the chosen one is among the entries even where it is none of them."""
    ranked = sorted(entries, key=lambda one: one.rank)
    return tuple((one.decoded_token or "", one.logprob) for one in ranked[:alternatives])
