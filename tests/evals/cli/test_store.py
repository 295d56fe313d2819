"""The command line looks after a store as the library does, and says it in one JSON document."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evals.cli import store as verbs
from reasoning.completion import Completion
from reasoning.draws import draw_key, identity_text
from reasoning.errors import ConfigError
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.store import Store

IDENTITY = identity_text({"engine": "test", "model": "a"})


def fill(path: Path, samples: int = 3) -> Path:
    request = Request(prompt="x", sampling=Sampling(temperature=0.7, max_tokens=9))
    store = Store.open(path, clock=lambda: 1000.0)
    draws = [Completion(index=n, text=f"text {n}", request=request) for n in range(samples)]
    store.write(draw_key(IDENTITY, request), IDENTITY, request, draws).result(10)
    store.close()
    return path


def reasoning(*arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "evals.cli.main", "store", *arguments]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout if code in (0, 1) else done.stderr


def test_every_verb_in_one_life_of_a_store(tmp_path: Path) -> None:
    path = str(fill(tmp_path / "s"))
    stats: dict[str, Any] = json.loads(reasoning("stats", "--store", path, "--json"))
    assert (stats["draws"], stats["requests"], stats["models"][0]["identity"]["model"]) == (3, 1, "a")
    assert "3 draws of 1 requests" in reasoning("stats", "--store", path)
    other = str(fill(tmp_path / "other", 5))
    merged = json.loads(reasoning("merge", other, "--store", path, "--json"))
    assert merged == {"merged": [{"source": other, "draws": 2, "present": 3, "requests": 0}]}
    lines = [json.loads(line) for line in reasoning("export", "--store", path).splitlines()]
    assert [line["completion"]["text"] for line in lines] == [f"text {n}" for n in range(5)]
    assert json.loads(reasoning("verify", "--store", path, "--json"))["clean"] is True
    assert "Would remove 5 draws" in reasoning("prune", "--older-than", "90d", "--dry-run", "--store", path)
    assert json.loads(reasoning("prune", "--older-than", "90d", "--store", path, "--json"))["draws"] == 5


def test_a_damaged_store_fails_its_check(tmp_path: Path) -> None:
    path = fill(tmp_path / "s")
    data = bytearray(path.read_bytes())
    data[-4096:] = b"\xaa" * 4096
    path.write_bytes(data)
    assert json.loads(reasoning("verify", "--store", str(path), "--json", code=1))["clean"] is False


def test_a_missing_store_is_a_wrong_use(tmp_path: Path) -> None:
    words = reasoning("stats", "--store", str(tmp_path / "s"), code=2)
    assert words.startswith("reasoning: There is no store of draws at")
    assert len(words.splitlines()) == 1


def test_an_export_that_fails_leaves_the_file_of_before(tmp_path: Path) -> None:
    out = tmp_path / "draws.jsonl"
    out.write_text("kept\n")
    assert "no store" in reasoning("export", "-o", str(out), "--store", str(tmp_path / "s"), code=2)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("draws.jsonl", "kept\n")]
    fill(tmp_path / "s")
    assert reasoning("export", "-o", str(out), "--store", str(tmp_path / "s")) == f"3 draws written to {out}.\n"
    assert len(out.read_text().splitlines()) == 3
    words = reasoning("export", "-o", str(tmp_path / "none" / "x"), "--store", str(tmp_path / "s"), code=2)
    assert words.endswith("cannot be written: No such file or directory; name another file with --out.\n")


@pytest.mark.parametrize(("age", "expected"), [("90d", 90 * 86400), ("1.5h", 5400), ("2 w", 1209600), ("45s", 45)])
def test_ages(age: str, expected: float) -> None:
    assert verbs.seconds(age) == expected


@pytest.mark.parametrize("age", ["90", "d", "-3d", "3 days", ""])
def test_what_is_no_age(age: str) -> None:
    with pytest.raises(ConfigError, match="such as 90d"):
        verbs.seconds(age)
