"""`reasoning compare`, as a person meets it."""

import json
from pathlib import Path

import pytest
from scored import scored

from evals.cli.main import main


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three checkpoints, each a little better but for the last."""
    for step, period in (("900", 3), ("1000", 12), ("1100", 3)):
        right = [i % period > 0 for i in range(120)]
        scored(right, out=tmp_path, name=f"step-{step}", tags={"step": step, "model": "m"})
    scored([True] * 120, out=tmp_path, name="other", tags={"model": "n"})
    return tmp_path


def folder(runs: Path, name: str) -> str:
    return str(runs / f"sums--direct--scripted-script--{name}")


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["reasoning", "compare", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


Capture = pytest.CaptureFixture[str]


def test_a_page_starts_with_the_verdict(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert call(monkeypatch, folder(runs, "step-900"), folder(runs, "step-1000")) == 0
    page = capsys.readouterr().out
    assert page.startswith("direct · step-1000 is better by 25.0 points (95 % CI ")
    for told in ("B − A, points", "gained (30): sum-", "Intervals: tango", "tokens/problem", "66.7", "91.7"):
        assert told in page


def test_json_is_one_document(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert call(monkeypatch, folder(runs, "step-900"), folder(runs, "step-1000"), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["task"] == "sums"
    assert told["pairs"][0]["difference"] == pytest.approx(0.25)
    assert len(told["pairs"][0]["flips"]["gained"]) == 30


def test_a_series_of_checkpoints(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert call(monkeypatch, "--tag", "model=m", "--by", "step", "--in", str(runs), "--json") == 0
    pairs = json.loads(capsys.readouterr().out)["pairs"]
    assert [(pair["a"], pair["b"]) for pair in pairs] == [("step 900", "step 1000"), ("step 1000", "step 1100")]
    assert [pair["outcome"] for pair in pairs] == ["better", "worse"]
    assert call(monkeypatch, "--tag", "strategy=direct", "--in", str(runs), "--against", "first", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["pairs"]) == 3


@pytest.mark.parametrize(
    ("baseline", "candidate", "margin", "code", "outcome"),
    [
        ("step-900", "step-1000", "1", 0, "pass"),
        ("step-1000", "step-900", "5", 3, "regression"),
        ("step-900", "step-1100", "0.5", 4, "inconclusive"),
    ],
)
def test_the_gates_exit_codes(
    runs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    baseline: str,
    candidate: str,
    margin: str,
    code: int,
    outcome: str,
) -> None:
    named = [folder(runs, baseline), folder(runs, candidate)]
    assert call(monkeypatch, *named, "--gate", "--margin", margin, "--json") == code
    told = capsys.readouterr()
    assert json.loads(told.out)["gate"]["outcome"] == outcome
    assert f"gate: {outcome}: " in told.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "two runs or more, not 0"),
        (("nowhere", "nothing"), "no run's folder nowhere"),
        (("--tag", "model=x", "--in", "{runs}"), "has model=x; it holds 4 runs, with the tags model, step"),
        (("--tag", "model", "--in", "{runs}"), "--tag takes KEY=VALUE"),
        (("--tag", "task=sums", "--by", "step", "--in", "{runs}"), "has no tag 'step'"),
        (("--tag", "model=m", "--by", "model", "--in", "{runs}"), "Two runs have model=m"),
        (("--tag", "model=m", "--against", "last", "--in", "{runs}"), "Known: all, first, previous"),
        (("--tag", "model=m", "--margin", "2", "--in", "{runs}"), "--margin goes with --gate"),
        (("--tag", "model=m", "--gate", "--margin", "-2", "--in", "{runs}"), "from 0 to 100, not -2"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, arguments: tuple[str, ...], told: str
) -> None:
    assert call(monkeypatch, *(argument.format(runs=runs) for argument in arguments)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.strip().splitlines()
    assert told in line


def test_a_header_that_is_no_text_is_named(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    (runs / "torn").mkdir()
    (runs / "torn" / "run.json").write_bytes(b"\xff\xfe")
    assert call(monkeypatch, "--tag", "model=m", "--in", str(runs)) == 2
    assert "run.json is no run.json" in capsys.readouterr().err
