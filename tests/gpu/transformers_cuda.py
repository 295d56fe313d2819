"""The transformers backend (and vLLM, where it is installed) on a GPU: greedy parity with the CPU, and speed.

    python tests/gpu/transformers_cuda.py [--model FOLDER] [--batches 1,32,256] [--tokens 128] [--out table.md]

Prints a Markdown table: tokens a second of the backend at each batch beside `model.generate` on one hand-made batch.
`--device cpu --batches 1,4` tries the script itself where there is no GPU. See docs/gpu.md.
"""

import argparse
import asyncio
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

PROMPTS = (
    "Q: What is 4 + 9?\nA: 13\nQ: What is 30 + 12?\nA:",
    "Once upon a time there was a fox who lived by",
    "1, 2, 3, 4, 5,",
    "The capital of a country is the city in which",
)
PROMPT = PROMPTS[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model folder; without it the embedded model")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", default="bfloat16", help="of the speed runs; parity is measured in float32")
    parser.add_argument("--batches", default="1,32,256", type=lambda text: [int(each) for each in text.split(",")])
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--out", type=Path, help="a file that the table is written to as well")
    arguments = parser.parse_args()
    if find_spec("torch") is None or find_spec("transformers") is None:
        print("transformers is not installed: pip install 'reasoning-strategies[transformers]'.", file=sys.stderr)
        return 2
    import torch

    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        print(f"There is no CUDA device here (PyTorch {torch.__version__}); see docs/gpu.md.", file=sys.stderr)
        return 2
    report = asyncio.run(measured(arguments))
    print(report)
    if arguments.out:
        arguments.out.write_text(report + "\n", encoding="utf-8")
    return 0


async def measured(arguments: Any) -> str:
    """The whole report."""
    from model_folder import embedded_folder

    folder = arguments.model or str(embedded_folder("float32"))
    lines = [f"# {Path(folder).name} on {machine(arguments.device)}", ""]
    lines += await parity(folder, arguments.device)
    lines += ["", *await speeds(folder, arguments)]
    return "\n".join(lines)


def machine(device: str) -> str:
    """The device's name, with the versions that matter."""
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    known = [each for each in ("torch", "transformers", "vllm") if find_spec(each)]
    return f"{name} ({', '.join(f'{each} {version(each)}' for each in known)})"


async def parity(folder: str, device: str) -> list[str]:
    """How many greedy texts are the same on the device as on the CPU, in float32."""
    there, here = await greedy(folder, device), await greedy(folder, "cpu")
    same = sum(theirs == ours for theirs, ours in zip(there, here, strict=True))
    lines = [
        f"Greedy texts of 64 tokens in float32 that are the same on {device} and on the CPU: {same} of {len(here)}."
    ]
    for prompt, theirs, ours in zip(PROMPTS, there, here, strict=True):
        if theirs != ours:
            at = next((n for n, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b), None)
            lines.append(f"- {prompt!r} parts at character {min(len(theirs), len(ours)) if at is None else at}.")
    return lines


async def greedy(folder: str, device: str) -> list[str]:
    from reasoning import Request, Sampling
    from reasoning.backends.transformers import Transformers, TransformersOptions

    backend = Transformers.open(folder, TransformersOptions(device=device, dtype="float32"))
    sampling = Sampling(temperature=0.0, max_tokens=64)
    asked = [Request(prompt=prompt, sampling=sampling) for prompt in PROMPTS]
    found = await asyncio.gather(*(backend.complete(request, [0]) for request in asked))
    await backend.aclose()
    return [completion.text for (completion,) in found]


async def speeds(folder: str, arguments: Any) -> list[str]:
    """The table: tokens a second by batch, of each way."""
    import torch
    from decoding_speed import by_backend, by_generate
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from reasoning.backends.transformers import Transformers, TransformersOptions

    batches, tokens = arguments.batches, arguments.tokens
    rows: dict[str, list[float]] = {"model.generate": [], "transformers backend": []}
    dtype = getattr(torch, arguments.dtype)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(arguments.device).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    by_generate(model, tokenizer, [PROMPT], 2, 4)
    rows["model.generate"] = [by_generate(model, tokenizer, [PROMPT], batch, tokens) for batch in batches]
    del model
    options = {"device": arguments.device, "dtype": arguments.dtype, "max_batch": max(batches)}
    backend = Transformers.open(folder, TransformersOptions.model_validate(options))
    await by_backend(backend, [PROMPT], 2, 4, seed=100)
    rows["transformers backend"] = [
        await by_backend(backend, [PROMPT], batch, tokens, seed=at) for at, batch in enumerate(batches)
    ]
    await backend.aclose()
    if find_spec("vllm") is not None:
        rows["vLLM backend"] = await vllm_speeds(folder, arguments)
    head = " | ".join(str(batch) for batch in batches)
    lines = [f"Tokens a second, {tokens} tokens a draw, {arguments.dtype}, by draws at once:", ""]
    lines += [f"| | {head} |", "|---|" + "---:|" * len(batches)]
    return lines + [f"| {name} | {' | '.join(f'{value:,.0f}' for value in values)} |" for name, values in rows.items()]


async def vllm_speeds(folder: str, arguments: Any) -> list[float]:
    from decoding_speed import by_backend

    import reasoning

    backend = reasoning.open_backend(f"vllm/{folder}", dtype=arguments.dtype, max_num_seqs=max(arguments.batches))
    await by_backend(backend, [PROMPT], 2, 4, seed=100)
    found = [
        await by_backend(backend, [PROMPT], batch, arguments.tokens, seed=at)
        for at, batch in enumerate(arguments.batches)
    ]
    await backend.aclose()
    return found


if __name__ == "__main__":
    sys.exit(main())
