"""Texts bought elsewhere become a run like any other, or a line is named."""

import json
from pathlib import Path
from typing import Any

import pytest

import evals
from evals.item import Item
from evals.run import load_run
from evals.task import Task
from reasoning.errors import ConfigError, UsageError
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.program_of_thought import ProgramOfThought
from strategies.self_consistency import SelfConsistency
from strategies.strategy import Strategy

TASK = Task.of("made", [Item.of(f"i-{n}", f"How many, in case {n}?", str(n)) for n in range(3)])


def texts(file: Path, lines: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def each(texts_of_item: list[str], **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": f"i-{n}", "index": index, "text": text.format(n=n), **more}
        for index, text in enumerate(texts_of_item)
        for n in range(3)
    ]


@pytest.mark.parametrize(
    ("strategy", "bought", "accuracy"),
    [
        (Direct(), ["The answer is {n}."], 1.0),
        (ChainOfThought(shots="word-problems"), ["So it must be {n}."], 1.0),
        (ProgramOfThought(), ["```python\nans = {n} + 0\n```"], 1.0),
        (SelfConsistency(of=Direct()), ["The answer is {n}.", "The answer is 9.", "The answer is {n}."], 1.0),
    ],
    ids=["direct", "chain of thought", "program", "vote"],
)
def test_texts_make_a_run_that_scores_as_if_it_had_been_made_here(
    strategy: Strategy, bought: list[str], accuracy: float, tmp_path: Path
) -> None:
    file = texts(tmp_path / "gpt.jsonl", each(bought))
    run = evals.import_run(file, TASK, strategy, out=tmp_path / "runs")
    assert (run.accuracy, run.done, run.status, run.backend) == (accuracy, 3, "complete", "imported/gpt")
    assert run.folder is not None
    loaded = load_run(run.folder)
    assert loaded.to_json() == run.to_json()
    assert len(loaded["i-1"].result.paths) == len(bought)
    assert "bought elsewhere" in loaded["i-1"].result.degradations[0]


def test_it_compares_and_replays_like_any_other(tmp_path: Path) -> None:
    vote = SelfConsistency(of=Direct())
    file = texts(tmp_path / "a.jsonl", each(["The answer is {n}.", "The answer is 9.", "The answer is {n}."]))
    run = evals.import_run(file, TASK, vote, out=tmp_path)
    other = evals.import_run(texts(tmp_path / "b.jsonl", each(["It is 0."])), TASK, Direct(), out=tmp_path)
    (pair,) = evals.compare([other, run]).pairs
    assert pair.items == 3
    assert pair.difference == pytest.approx(2 / 3)
    (one,) = evals.replay(run, strategies=[SelfConsistency(of=Direct(), samples=1)])
    assert one.accuracy == 1.0


def test_usage_finish_reasoning_and_order_are_kept(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    lines = [
        {"id": f"i-{n}", "text": "The answer is 1.", "usage": usage, "cost": 0.5, "reasoning": "Hm.", "model": "m-1"}
        for n in range(3)
    ]
    lines[0]["finish"] = "length"
    run = evals.import_run(texts(tmp_path / "x.jsonl", lines), TASK, Direct(), out=tmp_path, model="m")
    assert (run.usage.total_tokens, run.cost, run.truncations, run.backend) == (45, 1.5, 1, "imported/m")
    path = run["i-1"].result.paths[0]
    assert (path.reasoning, path.completions[0].model) == ("Hm.", "m-1")


@pytest.mark.parametrize(
    ("lines", "strategy", "message"),
    [
        ([{"id": "i-9", "text": "1"}], Direct(), r"line 1.*Did you mean 'i-"),
        ([{"id": "i-0", "text": "1"}, {"id": "i-0", "txt": "1"}], Direct(), r"line 2: text"),
        ([{"id": "i-0", "text": "1", "colour": "red"}], Direct(), r"line 1: colour"),
        ([{"id": "i-0", "text": "1", "finish": "failed"}], Direct(), r"line 1: .*did not fail"),
        ([{"id": "i-0", "index": 0, "text": "1"}] * 2, Direct(), r"line 2: .*index 0 already"),
        (each(["1"])[:2], Direct(), r"no text of item 'i-2'"),
        ([*each(["1"]), {"id": "i-1", "index": 2, "text": "1"}], Direct(), r"no text of index 1 of item 'i-1'"),
        (each(["1", "1"]), SelfConsistency(of=Direct(), samples=5), r"samples=2"),
        (each(["1"]), ChainOfThought(shots=None), r"several calls"),
        ([], Direct(), r"holds no texts"),
    ],
)
def test_what_is_not_as_expected_is_named_and_no_folder_is_left(
    lines: list[dict[str, Any]], strategy: Strategy, message: str, tmp_path: Path
) -> None:
    file = texts(tmp_path / "bad.jsonl", lines)
    with pytest.raises(UsageError, match=message):
        evals.import_run(file, TASK, strategy, out=tmp_path / "runs")
    assert not list((tmp_path / "runs").glob("*"))


def test_what_was_in_the_folder_before_survives_an_import_that_fails(tmp_path: Path) -> None:
    folder = tmp_path / "made--chain-of-thought--imported-bad"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="several calls"):
        evals.import_run(texts(tmp_path / "bad.jsonl", each(["1"])), TASK, ChainOfThought(shots=None), out=tmp_path)
    assert [file.name for file in folder.iterdir()] == ["notes.txt"]


def test_a_limit_is_on_the_record_with_what_there_is_without_it(tmp_path: Path) -> None:
    run = evals.import_run(texts(tmp_path / "x.jsonl", each(["1"])), TASK, Direct(), out=tmp_path, limit=2)
    assert (run.items, run.header.limit, run.header.task.available) == (2, 2, 3)


def test_a_line_that_is_no_json_and_a_folder_that_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"id": "i-0", "text": "1"}\noops\n')
    with pytest.raises(UsageError, match="line 2: this is no JSON"):
        evals.import_run(file, TASK, Direct(), out=tmp_path)
    good = texts(tmp_path / "good.jsonl", each(["1"]))
    evals.import_run(good, TASK, Direct(), out=tmp_path)
    with pytest.raises(ConfigError, match="holds a run already"):
        evals.import_run(good, TASK, Direct(), out=tmp_path)
