"""`reasoning errors`, `rescore`, `export`, `import` and `plan` as a person runs them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
Cli = Callable[..., subprocess.CompletedProcess[str]]
PLACE = "runs/mine--direct--scripted-constant"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """`reasoning …` in a folder with a task of three problems."""
    (tmp_path / "items.jsonl").write_text(
        '{"q": "3 * 6?", "a": 18}\n{"q": "3 * 7?", "a": 21}\n{"q": "35 / 2?", "a": 17.5}\n'
    )
    (tmp_path / "mine.yaml").write_text("name: mine\nsource: {jsonl: items.jsonl}\nquestion: q\ngold: a\n")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("REASONING_", "OPENAI_"))}
    told = {**kept, "COLUMNS": "120", "XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "evals.cli.main", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True, timeout=170)

    return call


@pytest.fixture
def ran(cli: Cli) -> Cli:
    done = cli("run", "mine.yaml", "-b", "scripted/constant", "-B", "text=Not 21? The answer is 18.", "-s", "direct")
    assert done.returncode == 0, done.stderr
    return cli


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that cannot be done says: one line, exit code 2, nothing on standard output."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


def test_errors(ran: Cli) -> None:
    page = ran("errors", PLACE, "--items")
    assert page.returncode == 0
    assert "2 of 3 problems are not right; accuracy 33.3 %" in page.stdout
    told = json.loads(ran("errors", PLACE, "--json").stdout)
    causes = {row["cause"]: row for row in told["causes"]}
    assert (causes["extraction"]["misses"], causes["wrong reasoning"]["misses"]) == (1, 1)
    assert causes["extraction"]["corrected"] == pytest.approx(2 / 3)
    assert "nowhere" in one_sentence(ran("errors", PLACE, "--labels", "nowhere.jsonl"))


def test_rescore(ran: Cli, tmp_path: Path) -> None:
    told = json.loads(ran("rescore", PLACE, "--quantum", "1", "--json").stdout)
    (change,) = told["changes"]
    assert (change["id"], change["score"], told["folder"]) == ("2", [0.0, 1.0], None)
    kept = ran("rescore", PLACE, "--quantum", "1", "--name", "rounded")
    assert "1 problems changed. Kept in runs/mine--direct--scripted-constant--rounded" in kept.stdout
    assert json.loads(ran("show", f"{PLACE}--rounded", "--json").stdout)["accuracy"] == pytest.approx(2 / 3)
    assert "holds a run already" in one_sentence(ran("rescore", PLACE, "--name", "rounded"))
    assert "Did you mean 'number'" in one_sentence(ran("rescore", PLACE, "--kind", "nmber"))
    assert "quantum" in one_sentence(ran("rescore", PLACE, "--quantum", "x"))


def test_export(ran: Cli, tmp_path: Path) -> None:
    told = json.loads(ran("export", PLACE, "--to", "parquet", "-o", "items.table", "--json").stdout)
    assert told == {"file": "items.table", "rows": 3, "runs": 1}
    assert ran("export", PLACE, "--paths", "-o", "paths.csv").stdout == "3 rows written to paths.csv.\n"
    assert len((tmp_path / "paths.csv").read_text().splitlines()) == 4
    assert "csv" in one_sentence(ran("export", PLACE, "--to", "xls", "-o", "x"))


def test_import(cli: Cli, tmp_path: Path) -> None:
    lines = [{"id": n, "index": i, "text": f"The answer is {18 + i % 2}."} for n in range(3) for i in range(3)]
    (tmp_path / "gpt.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    arguments = ("--task", "mine.yaml", "-s", "self-consistency", "-S", "of=direct")
    done = cli("import", "gpt.jsonl", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert (run["done"], run["accuracy"], run["backend"]) == (3, pytest.approx(1 / 3), "imported/gpt")
    curves = json.loads(cli("replay", run["folder"], "--json").stdout)["curves"]
    assert {curve["samples"] for curve in curves} >= {1, 3}
    (tmp_path / "gpt.jsonl").write_text('{"id": 7, "text": "18"}\n')
    assert "gpt.jsonl, line 1" in one_sentence(cli("import", "gpt.jsonl", *arguments, "--name", "again"))


def test_plan(cli: Cli) -> None:
    arguments = ("mine.yaml", "-b", "scripted/constant", "-s", "direct")
    told = json.loads(cli("plan", *arguments, "--pilot", "2", "--json").stdout)
    (one,) = told["plans"]
    assert (one["items"], one["remaining"], one["draws"], one["paid"]["draws"]) == (3, 1, [1.0, 1.0, 1.0], 2)
    assert len(one["unpaired"]) == len(one["paired"]) == 3
    page = cli("plan", *arguments, "--pilot", "0")
    assert page.returncode == 0, page.stderr
    assert "2 draws are stored" in page.stdout
    run = json.loads(cli("run", *arguments, "--json").stdout)["runs"][0]
    assert run["paid"]["draws"] == 1
    assert "no store" in one_sentence(cli("plan", *arguments, "--store", "none"))
    assert "Nothing is stored" in one_sentence(cli("plan", *arguments, "-S", "template=Say {question}", "--pilot", "0"))


def test_every_verb_has_help_with_an_example(cli: Cli) -> None:
    for verb in ("errors", "rescore", "export", "import", "plan"):
        told = cli(verb, "--help")
        assert (told.returncode, f"Example: reasoning {verb}" in told.stdout) == (0, True)


@pytest.mark.slow
@pytest.mark.model
def test_on_the_embedded_model_a_plan_is_bought_once_and_its_run_can_be_read_again(cli: Cli, tmp_path: Path) -> None:
    asked = ("reasoning-gym:products", "-b", "local", "-s", "chain-of-thought", "--limit", "6")
    how = ("-S", "most_shots=2", "-S", "sampling.max_tokens=48")
    planned = cli("plan", *asked, *how, "--pilot", "3", "--json")
    assert planned.returncode == 0, planned.stderr
    (plan,) = json.loads(planned.stdout)["plans"]
    assert (plan["paid"]["draws"], plan["draws"], plan["tokens"][0] > 0) == (3, [3.0, 3.0, 3.0], True)
    ran = cli("run", *asked, *how, "--json")
    (run,) = json.loads(ran.stdout)["runs"]
    assert run["paid"]["draws"] == 3
    assert json.loads(cli("rescore", run["folder"], "--json").stdout)["changes"] == []
    causes = json.loads(cli("errors", run["folder"], "--json").stdout)
    missed = 6 - round(6 * run["accuracy"])
    assert sum(row["misses"] for row in causes["causes"]) == len(causes["misses"]) == missed
