"""Every example, as a person would run it: the embedded model, real processes, real packages."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
Run = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = [pytest.mark.examples, pytest.mark.model, pytest.mark.timeout(600)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command in an empty folder, with a store and data of its own."""

    def call(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("REASONING_", "OPENAI_"))}
        told = {**kept, "XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONPATH": str(ROOT), **variables}
        done = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_listed_and_tested() -> None:
    there = {place.name for place in EXAMPLES.iterdir()} - {"README.md", "__pycache__"}
    listed = (EXAMPLES / "README.md").read_text()
    tested = Path(__file__).read_text()
    assert [name for name in there if f"`{name}" not in listed] == []
    assert [name for name in there if name.partition(".")[0] not in tested] == []


def test_five_lines(run: Run) -> None:
    assert "paths)" in run(sys.executable, str(EXAMPLES / "five_lines.py")).stdout


def test_suite(run: Run) -> None:
    command = [sys.executable, "-m", "evals.cli.main"]
    done = run(*command, "run", str(EXAMPLES / "suite.yaml"), "--json")
    runs = json.loads(done.stdout)["runs"]
    assert [(one["strategy"], one["items"]) for one in runs] == [
        ("direct", 8),
        ("self-consistency", 8),
        ("direct", 4),
        ("self-consistency", 4),
    ]
    products = {one["strategy"]: one["accuracy"] for one in runs[:2]}
    assert products["self-consistency"] > products["direct"]


def test_compare_backends(run: Run) -> None:
    [verdict] = run(sys.executable, str(EXAMPLES / "compare_backends.py")).stdout.strip().splitlines()
    assert "better" in verdict or "cannot tell" in verdict


def test_replay(run: Run) -> None:
    points = run(sys.executable, str(EXAMPLES / "replay.py")).stdout.strip().splitlines()
    assert any(line.startswith("majority of 1,") for line in points)
    assert any(line.startswith("majority of 6,") for line in points)


def test_service() -> None:
    from fastapi.testclient import TestClient

    with TestClient(loaded("service").app) as client:
        told = client.get("/answer", params={"question": "Calculate 17 * 23.", "deadline": 120}).json()
        assert told["in_time"]
        assert sum(told["votes"].values()) <= 5
        late = client.get("/answer", params={"question": "Calculate 19 * 23.", "deadline": 0.001}).json()
        assert not late["in_time"]
        assert late["answer"] is None


def test_tracker(run: Run) -> None:
    done = run(sys.executable, str(EXAMPLES / "tracker.py"), WANDB_MODE="offline", WANDB_SILENT="true")
    assert "Error" not in done.stderr


def test_the_tracker_logs_each_problem() -> None:
    import evals
    import reasoning

    logged: list[dict[str, float]] = []
    with reasoning.open_backend("scripted/constant") as backend:
        on_event = loaded("tracker").tracking(logged.append)
        run = evals.evaluate("reasoning-gym:products", "direct", backend, limit=5, out=None, on_event=on_event)
    assert len(logged) == 5
    assert logged[-1]["accuracy"] == run.accuracy
    assert sum(line["tokens"] for line in logged) == run.usage.total_tokens


def test_plugin(run: Run, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site)]
    run(*install, str(EXAMPLES / "plugin"))
    command = [sys.executable, "-m", "evals.cli.main"]
    asked = ["run", "say-it", "--backend", "parrot/squawk", "--strategy", "twice", "--json"]
    done = run(*command, *asked, PYTHONPATH=f"{ROOT}{os.pathsep}{site}")
    [told] = json.loads(done.stdout)["runs"]
    assert (told["items"], told["accuracy"]) == (5, 1.0)


def test_results_notebook() -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(EXAMPLES / "results.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "the notebook is kept without outputs"
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs: list[Any] = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pages = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert len(pages) == 2
    assert "table" in pages[1]
