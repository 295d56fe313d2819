"""The vLLM backend against a bare `LLM.generate`, over the same prompts × n, in one process, in turns.

    .venv-vllm/bin/python tests/benchmarks/vllm_engine.py [--prompts 16] [--samples 4] [--tokens 32] [--rounds 5]

Bound: at least 0.95 × the tokens/s of `LLM.generate`, by the median of the turns' ratios. Both engines have the same
options and the same environment; tokens are counted as they came. Seeded draws on both sides; unseeded ones are shown
beside, without a bound. On a GPU give `--model` and more of everything.
"""

import argparse
import asyncio
import statistics
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

BOUND = 0.95


def prompt(n: int, turn: int) -> str:
    """No two turns share a prompt, so that no cache of prefixes helps the later one."""
    return f"{turn}.{n}: A baker sells {n + 3} loaves a day at {turn + 2} dollars each. In a week she"


def bare(llm: Any, turn: int, prompts: int, samples: int, tokens: int, seeded: bool) -> float:
    """Tokens a second of what people write."""
    from vllm import SamplingParams

    asked = [prompt(n, turn) for n in range(prompts)]
    params = [
        SamplingParams(n=samples, temperature=0.8, max_tokens=tokens, seed=97 * n if seeded else None)
        for n in range(prompts)
    ]
    began = time.perf_counter()
    outputs = llm.generate(asked, params, use_tqdm=False)
    seconds = time.perf_counter() - began
    return sum(len(one.token_ids) for output in outputs for one in output.outputs) / seconds


async def ours(backend: Any, turn: int, prompts: int, samples: int, tokens: int, seeded: bool) -> float:
    """Tokens a second of the whole backend, its layers included."""
    from reasoning import Request, Sampling

    sampling = Sampling(temperature=0.8, max_tokens=tokens, seeded=seeded)
    asked = [Request(prompt=prompt(n, turn), sampling=sampling) for n in range(prompts)]
    began = time.perf_counter()
    done = await asyncio.gather(*(backend.complete(one, range(samples)) for one in asked))
    seconds = time.perf_counter() - began
    assert all(completion.failure is None for completions in done for completion in completions)
    return sum(completion.usage.completion_tokens for completions in done for completion in completions) / seconds


def measured(llm: Any, backend: Any, asked: argparse.Namespace) -> dict[str, list[float]]:
    """Tokens a second of each way, one entry a turn; the ways take turns, and who begins alternates."""
    from reasoning.loop import run

    sizes = (asked.prompts, asked.samples, asked.tokens)
    ways = {
        "LLM.generate": lambda turn: bare(llm, turn, *sizes, True),
        "this backend": lambda turn: run(ours(backend, turn, *sizes, True)),
        "LLM.generate, unseeded": lambda turn: bare(llm, turn, *sizes, False),
        "this backend, unseeded": lambda turn: run(ours(backend, turn, *sizes, False)),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(-1, asked.rounds):
        for place, name in enumerate(list(ways) if turn % 2 else reversed(ways)):
            rate = ways[name](10 * (turn + 1) + place)
            if turn >= 0:  # the first one warms up
                found[name].append(rate)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model folder or hub repository; the embedded model without it")
    for name, value in (("prompts", 16), ("samples", 4), ("tokens", 32), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    if find_spec("vllm") is None:
        print("vLLM is not installed here: nothing measured. make test-vllm builds .venv-vllm, which has it.")
        return 0

    from model_folder import embedded_folder

    import reasoning
    from reasoning.backends.vllm.quiet import Quiet

    model = asked.model or str(embedded_folder("bfloat16"))
    options: dict[str, Any] = {"max_model_len": 512, "enforce_eager": True}
    options |= {"kv_cache_memory_bytes": 2**29} if asked.model is None else {"gpu_memory_utilization": 0.4}
    with Quiet().environment():
        from vllm import LLM

        llm = LLM(model=model, seed=0, disable_log_stats=True, **options)
    with reasoning.open_backend(f"vllm/{model}", **options) as backend:
        found = measured(llm, backend, asked)
    for name, rates in found.items():
        print(f"{name:24} {statistics.median(rates):8.1f} tokens/s   ({min(rates):.1f} to {max(rates):.1f})")
    ratio = statistics.median(o / b for o, b in zip(found["this backend"], found["LLM.generate"], strict=True))
    print(f"this backend / LLM.generate: {ratio:.3f} (bound: {BOUND})")
    return 0 if ratio >= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
