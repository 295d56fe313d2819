"""Our exemplars: every program runs to its answer, every reasoning ends in it, and none stands in a test set."""

import json
import os
import re
from pathlib import Path as File

import pytest

from reasoning.errors import DataError
from sandbox.sandbox import Sandbox
from strategies.exemplars import Exemplar, ExemplarSet, exemplar_set, set_names
from strategies.program_of_thought import ProgramOfThought

OURS = [(name, exemplar) for name in set_names() for exemplar in exemplar_set(name).exemplars]
GSM8K = File(os.environ.get("REASONING_TEST_DATA", File(__file__).parents[2] / ".." / "shared" / "data")) / "gsm8k"


def test_there_are_sets_for_word_problems_and_arithmetic() -> None:
    assert {"word-problems", "arithmetic"} <= set(set_names())


@pytest.mark.parametrize("returns", ["ans", "solution()"])
def test_every_program_runs_to_its_answer(returns: str) -> None:
    strategy = ProgramOfThought(returns=returns)  # type: ignore[arg-type]
    with Sandbox() as box:
        outcomes = box.map([strategy.exemplar_answer(exemplar) for _, exemplar in OURS], returns=returns)
    for (name, exemplar), outcome in zip(OURS, outcomes, strict=True):
        kind = exemplar_set(name).kind
        assert outcome.status == "ok", (exemplar.question, outcome.error)
        assert kind.equal(kind.parse(outcome.value), kind.parse(exemplar.answer)), exemplar.question


@pytest.mark.parametrize(("name", "exemplar"), OURS)
def test_every_reasoning_arrives_at_its_answer(name: str, exemplar: Exemplar) -> None:
    kind = exemplar_set(name).kind
    last_number = kind.extract(f"{exemplar.reasoning} The answer is {exemplar.answer}.")
    assert last_number is not None
    assert kind.equal(last_number.answer, kind.parse(exemplar.answer))
    assert re.search(rf"(?<![\d.]){re.escape(exemplar.answer.lstrip('-'))}(?![\d])", exemplar.reasoning)


def _words(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[at : at + 8]) for at in range(len(words) - 7)}


def test_no_exemplar_shares_eight_words_in_a_row_with_a_gsm8k_test_question() -> None:
    file = GSM8K / "test.jsonl"
    if not file.exists():
        pytest.skip("GSM8K's test items are not here (REASONING_TEST_DATA)")
    tested = {run for line in file.read_text().splitlines() for run in _words(json.loads(line)["question"])}
    for _, exemplar in OURS:
        assert not _words(exemplar.question) & tested, exemplar.question


def test_a_set_of_ones_own_is_named_by_its_path(tmp_path: File) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\nexemplars:\n- {question: 1 + 1, reasoning: 1 + 1 = 2., program: ans = 2, answer: '2'}\n"
    )
    assert isinstance(exemplar_set(str(file)), ExemplarSet)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "no YAML"),
        ("name: x\n", "exemplars"),
        ("name: x\nexemplars:\n- {question: a}\n", "exemplars.0.reasoning"),
    ],
)
def test_a_broken_set_says_where(tmp_path: File, text: str, message: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        exemplar_set(str(file))


def test_a_missing_set_says_so(tmp_path: File) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        exemplar_set(str(tmp_path / "none.yaml"))
