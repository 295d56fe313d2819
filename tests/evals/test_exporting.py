"""Tables of runs: every problem and every path, in either format, with the same values."""

from pathlib import Path
from typing import Any

import pytest
from solving import scripted

import evals
from evals.item import Item
from evals.run import Run
from evals.task import Task
from reasoning.errors import ConfigError
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency


@pytest.fixture
def run(tmp_path: Path) -> Run:
    items = [
        Item.of(
            f"i-{n}",
            'How "many",\nin case \ud800?',
            "18",
            metadata={"level": n, "score": "x", "tags": [n], "big": 10 ** (20 * n)},
        )
        for n in range(3)
    ]
    vote = SelfConsistency(of=Direct(), samples=2)
    return evals.evaluate(Task.of("made", items), vote, scripted(lambda r, i: f"The answer is {17 + i}."), out=tmp_path)


def read(file: Path) -> Any:
    import pandas

    return pandas.read_csv(file) if file.suffix == ".csv" else pandas.read_parquet(file)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_problems_with_their_metadata(suffix: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / f"items.{suffix}"
    assert evals.export([run, run], file) == 6
    table = read(file)
    assert len(table) == 6
    assert set(table["id"]) == {"i-0", "i-1", "i-2"}
    row = table[table["id"] == "i-2"].iloc[0]
    assert (row["level"], row["meta_score"], row["tags"], row["paths"]) == (2, "x", "[2]", 2)
    assert str(row["big"]) == str(10**40)
    assert (row["score"], row["tied"], row["statuses"]) == (run["i-2"].score, 2, "ok,ok")
    assert row["question"] == 'How "many",\nin case ??'


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_paths(suffix: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / f"paths.{suffix}"
    assert evals.export([run], file, paths=True) == 6
    table = read(file)
    assert sorted(zip(table["id"], table["index"], table["score"], strict=True))[:2] == [
        ("i-0", 0, 0.0),
        ("i-0", 1, 1.0),
    ]
    assert set(table["text"]) == {"The answer is 17.", "The answer is 18."}
    assert set(table["prompt_tokens"]) == {run["i-0"].result.paths[0].usage.prompt_tokens}


def test_what_cannot_be_written_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="csv or parquet"):
        evals.export([run], tmp_path / "items.xls")
    with pytest.raises(ConfigError, match="cannot be written"):
        evals.export([run], tmp_path / "nowhere" / "items.csv")
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        evals.export([run], tmp_path / "taken.csv")
    assert not list(tmp_path.glob(".*"))
