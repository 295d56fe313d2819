"""A task of small sums, and a script that gets half of them right."""

import json
import re
from pathlib import Path

from evals.item import Item
from evals.task import Task
from reasoning.request import Request


def sums(count: int) -> Task:
    """What is i + 2? Golds are i + 2; levels alternate."""
    items = [Item.of(f"sum-{i}", f"What is {i} + 2?", str(i + 2), metadata={"level": i % 2}) for i in range(count)]
    return Task.of("sums", items)


def number(request: Request) -> int:
    """The number that is asked about."""
    text = request.prompt or " ".join(message.content for message in request.messages)
    return int(re.findall(r"What is (\d+) \+ 2\?", text)[-1])


def adds(request: Request, index: int) -> str:
    """Right on even numbers, one off on odd ones."""
    return f"The answer is {number(request) + 2 + number(request) % 2}."


def plain_lines(folder: Path) -> set[str]:
    """The lines of a log without their timings."""
    lines = set()
    for text in (folder / "results.jsonl").read_text().splitlines():
        line = json.loads(text)
        line.pop("ms", None)
        for path in line["p"]:
            path["d"] = [[*draw[:4], *draw[5:]] for draw in path["d"]]
        lines.add(json.dumps(line, sort_keys=True))
    return lines
