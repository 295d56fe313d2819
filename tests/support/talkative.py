"""Runs whose texts are as long, and as unlike each other, as a real model's: for tests and benchmarks of reports."""

import hashlib
import random
from pathlib import Path

from solving import scripted

import evals
from evals.item import Item
from evals.run import Run
from evals.task import Task
from reasoning.request import Request
from strategies.chain_of_thought import ChainOfThought
from strategies.self_consistency import SelfConsistency

_TEXT = (
    "so we have each of the then which gives that total first second number adds left half twice minus plus because "
    "every day week hours dollars apples boxes sold bought remaining altogether therefore per cost price times now"
)
_WORDS = _TEXT.split()


def rambles(request: Request, index: int) -> str:
    """Some 500 characters of their own for each draw; about two in three are right."""
    prompt = request.prompt or request.messages[-1].content
    dice = random.Random(hashlib.sha256(f"{prompt}{index}".encode()).digest())
    steps = " ".join(f"{dice.choice(_WORDS)} {dice.choice(_WORDS)} {dice.randint(2, 9999)}" for _ in range(38))
    return f"{steps}. The answer is {10 if dice.random() < 0.66 else dice.randint(11, 19)}."


def talkative_run(problems: int, samples: int, out: Path) -> Run:
    """A run of so many problems and samples a problem, with questions of about 230 characters."""
    dice = random.Random(0)
    items = [
        Item.of(f"item-{number}", " ".join(dice.choice(_WORDS) for _ in range(45)) + f" {number}?", "10")
        for number in range(problems)
    ]
    strategy = SelfConsistency(of=ChainOfThought(shots="word-problems"), samples=samples)
    return evals.evaluate(Task.of("talk", items), strategy, scripted(rambles), out=out)
