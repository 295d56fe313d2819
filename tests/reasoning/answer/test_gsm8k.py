"""Every gold answer of GSM8K is read, from its own text and from the whole solution."""

import json
import os
from pathlib import Path

import pytest

from reasoning.answer import Number

DATA = Path(os.environ.get("REASONING_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data") / "gsm8k"


@pytest.mark.parametrize(("split", "items"), [("test", 1319), ("train", 7473)])
def test_golds(split: str, items: int) -> None:
    file = DATA / f"{split}.jsonl"
    if not file.is_file():
        pytest.skip(f"GSM8K is not in {DATA}: set REASONING_TEST_DATA to the folder that holds gsm8k/{split}.jsonl")
    number = Number()
    solutions = [json.loads(line)["answer"] for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(solutions) == items
    for solution in solutions:
        written = solution.rpartition("####")[2].strip()
        gold = number.parse(written)
        assert gold == int(written.replace(",", "")), written
        found = number.extract(solution)
        assert found is not None, solution
        assert (found.answer, found.rule, solution[slice(*found.span)]) == (gold, "####", written)
        assert number.parse(solution) == gold


def test_the_last_number_of_a_solution_without_its_mark_is_the_gold_nearly_always() -> None:
    file = DATA / "test.jsonl"
    if not file.is_file():
        pytest.skip(f"GSM8K is not in {DATA}: set REASONING_TEST_DATA to the folder that holds gsm8k/test.jsonl")
    number = Number()
    right = 0
    for line in file.read_text(encoding="utf-8").splitlines():
        steps, _, written = json.loads(line)["answer"].rpartition("\n####")
        found = number.extract(steps)
        right += found is not None and found.answer == number.parse(written)
    assert right / 1319 > 0.9
