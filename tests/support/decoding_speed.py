"""How fast a model decodes: through a backend, and by a hand-written call of transformers' own `generate`."""

import time
from collections.abc import Sequence
from typing import Any

from reasoning import Request, Sampling
from reasoning.backends.backend import Backend


async def by_backend(backend: Backend, prompts: Sequence[str], rows: int, tokens: int, seed: int) -> float:
    """Tokens a second of so many draws, all asked for at once; `seed` gives other draws each time."""
    import asyncio

    sampling = Sampling(temperature=1.0, max_tokens=tokens)
    share = -(-rows // len(prompts))
    first = seed * rows
    started = time.perf_counter()
    found = await asyncio.gather(
        *(
            backend.complete(Request(prompt=prompt, sampling=sampling), range(first, first + share))
            for prompt in prompts
        )
    )
    took = time.perf_counter() - started
    completions = [completion for each in found for completion in each]
    failures = [completion.failure for completion in completions if completion.failure is not None]
    if failures:
        raise RuntimeError(f"{len(failures)} of {len(completions)} draws failed: {failures[0].message}")
    return sum(completion.usage.completion_tokens for completion in completions) / took


def by_generate(model: Any, tokenizer: Any, prompts: Sequence[str], rows: int, tokens: int) -> float:
    """Tokens a second of one ready batch: so many rows of so many tokens each, sampled at temperature 1."""
    import torch

    texts = [prompts[at % len(prompts)] for at in range(rows)]
    tokenizer.padding_side = "left"
    batch = tokenizer(texts, return_tensors="pt", padding=len(prompts) > 1).to(model.device)
    started = time.perf_counter()
    with torch.inference_mode():
        found = model.generate(
            **batch, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=tokens, min_new_tokens=tokens,
            pad_token_id=tokenizer.eos_token_id,
        )  # fmt: skip
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    took = time.perf_counter() - started
    return int((found.shape[1] - batch["input_ids"].shape[1]) * rows) / took
