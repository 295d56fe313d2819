"""How fast the transformers backend decodes beside a hand-written `model.generate` on one ready batch.

    .venv-transformers/bin/python tests/benchmarks/transformers_engine.py [--rows 32] [--tokens 48] [--rounds 3]

The embedded model in float32 on this machine's CPU; both sample at temperature 1, take turns, and their medians are
compared. What must hold: at least 0.9 times the tokens a second of `generate` on a batch of 32, and more than 3 times
those of the same backend asked for one draw at a time. Once with equal prompts, which the backend reads once for all,
and once with as many different ones of one length.
"""

import argparse
import asyncio
import os
import statistics
import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

PROMPT = "Q: What is 4 + 9?\nA: 13\nQ: What is 21 + 7?\nA: 28\nQ: What is 30 + 12?\nA:"
LEAST, LEAST_OF_ONE = 0.9, 3.0


def different(count: int) -> list[str]:
    """Prompts of one length."""
    return [PROMPT.replace("30 + 12", f"{10 + at % 90} + 12") for at in range(count)]


async def measured(rows: int, tokens: int, rounds: int) -> dict[str, list[float]]:
    """Tokens a second of each way, round by round."""
    from decoding_speed import by_backend, by_generate
    from model_folder import embedded_folder
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from reasoning.backends.transformers import Transformers, TransformersOptions

    folder = embedded_folder("float32")
    options = TransformersOptions(device="cpu", dtype="float32", max_batch=rows)
    backend = Transformers.open(str(folder), options)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    others = different(rows)
    names = ("generate", "backend", "generate, different", "backend, different", "one at a time")
    found: dict[str, list[float]] = {name: [] for name in names}
    await by_backend(backend, [PROMPT], 2, 4, seed=100)
    by_generate(model, tokenizer, [PROMPT], 2, 4)
    for turn in range(rounds):
        found["generate"].append(by_generate(model, tokenizer, [PROMPT], rows, tokens))
        found["backend"].append(await by_backend(backend, [PROMPT], rows, tokens, seed=turn))
        found["generate, different"].append(by_generate(model, tokenizer, others, rows, tokens))
        found["backend, different"].append(await by_backend(backend, others, rows, tokens, seed=turn))
        found["one at a time"].append(await by_backend(backend, [PROMPT], 1, tokens, seed=200 + turn))
        print(f"round {turn + 1}: " + ", ".join(f"{name} {each[-1]:.1f}" for name, each in found.items()), flush=True)
    print(f"{backend._engine.batch.rechecks} picks were made from a row's logits alone")
    await backend.aclose()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if find_spec("torch") is None or find_spec("transformers") is None:
        print("Not measured: transformers is not installed here; make test-transformers makes .venv-transformers.")
        return 0
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{os.cpu_count()} CPUs, load {load}; {arguments.rows} rows of {arguments.tokens} tokens; tokens/s")
    found = asyncio.run(measured(arguments.rows, arguments.tokens, arguments.rounds))
    middle = {name: statistics.median(each) for name, each in found.items()}
    beside = middle["backend"] / middle["generate"]
    different_beside = middle["backend, different"] / middle["generate, different"]
    over_one = middle["backend"] / middle["one at a time"]
    print("medians: " + ", ".join(f"{name} {value:.1f}" for name, value in middle.items()))
    print(
        f"backend / generate {beside:.2f}, with different prompts {different_beside:.2f} (at least {LEAST}); "
        f"backend / one at a time {over_one:.1f} (over 3)"
    )
    return 0 if min(beside, different_beside) >= LEAST and over_one > LEAST_OF_ONE else 1


if __name__ == "__main__":
    sys.exit(main())
