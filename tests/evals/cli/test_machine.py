"""`reasoning doctor`: what is missing is named, with the line that installs it."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.cli import machine
from evals.cli.doctor import app
from reasoning.errors import UsageError


def found(what: str) -> machine.Finding:
    [finding] = [one for one in machine.findings() if one.what == what]
    return finding


def test_every_extra_that_is_declared_is_looked_for() -> None:
    import tomllib

    declared = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert set(machine.EXTRAS) == set(declared["project"]["optional-dependencies"]) - {"all"}


def test_a_missing_extra_gives_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_version", lambda distribution: None)
    finding = found("extra math")
    assert not finding.works
    assert "pip install 'reasoning-strategies[math]'" in finding.told


@pytest.mark.parametrize(
    ("script", "works", "told"),
    [
        ("echo 'NVIDIA H200, 143771 MiB'", True, "NVIDIA H200, 143771 MiB"),
        ("echo 'driver/library version mismatch' >&2; exit 18", False, "driver/library version mismatch"),
    ],
)
def test_a_gpu_is_what_its_driver_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, works: bool, told: str
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    finding = found("GPU")
    assert finding.works is works
    assert told in finding.told


def test_without_a_gpu_it_says_what_computes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "compute on the CPU" in found("GPU").told


@pytest.mark.parametrize(
    "arguments",
    [
        ["gsm8k"],
        ["--questions", "q.txt"],
        ["--prompts", "--parity"],
        ["--prompts", "-B", "dtype=float32"],
        ["--parity", "scripted/echo", "scripted/constant", "--shots", "arithmetic"],
    ],
    ids=" ".join,
)
def test_an_option_that_would_do_nothing_is_refused(arguments: list[str]) -> None:
    told = CliRunner().invoke(app, arguments)
    assert isinstance(told.exception, UsageError)
    assert "go with --prompts" in str(told.exception)
