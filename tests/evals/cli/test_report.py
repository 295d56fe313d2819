"""`reasoning report`."""

import json
from pathlib import Path

import pytest
from solving import scripted
from typer.testing import CliRunner

import evals
from evals.cli.report import app
from evals.item import Item
from evals.run import Run
from evals.task import Task
from reasoning.errors import DataError
from strategies.direct import Direct


@pytest.fixture
def run(tmp_path: Path) -> Run:
    items = [Item.of(f"i{n}", f"What is {n}?", str(n)) for n in range(4)]
    answers = scripted(lambda request, index: "The answer is 2.")
    return evals.evaluate(Task.of("numbers", items), Direct(shots=None), answers, out=tmp_path / "runs")


def test_it_says_where_the_page_is(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    told = CliRunner().invoke(app, [str(run.folder), "-o", str(out)])
    assert (told.exit_code, told.stdout) == (0, f"{out}\n")
    assert out.exists()


def test_json_is_one_document(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    told = CliRunner().invoke(app, [str(run.folder), "-o", str(out), "--json"])
    assert json.loads(told.stdout) == {"file": str(out), "bytes": out.stat().st_size, "runs": 1, "problems": 4}


def test_a_folder_of_runs_stands_for_them_and_an_earlier_report_among_them_does_not_matter(run: Run) -> None:
    assert run.folder is not None
    parent = run.folder.parent
    told = CliRunner().invoke(app, [str(parent)])
    assert told.stdout == f"{parent / 'report.html'}\n"
    again = CliRunner().invoke(app, [*map(str, sorted(parent.iterdir()))])
    assert (again.exit_code, again.stdout) == (0, told.stdout)
    assert "replaced" in again.stderr


def test_where_there_is_no_run_it_says_so(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, [str(tmp_path)])
    assert isinstance(told.exception, DataError)
    assert "no run" in str(told.exception)


def test_a_run_that_is_misspelt_is_not_left_out(run: Run, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, [str(run.folder), str(tmp_path / "typo")])
    assert isinstance(told.exception, DataError)
    assert "typo" in str(told.exception)
