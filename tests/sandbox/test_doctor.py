"""The doctor tries every level for real, and names the remedy for what is missing."""

import sys

import pytest
from withhold import on_a_machine_without

import sandbox
from sandbox import Diagnosis
from sandbox.layers import LAYERS


def test_the_doctor_agrees_with_what_the_levels_do() -> None:
    diagnosis = sandbox.doctor()
    for level, problem in diagnosis.levels.items():
        if problem is None:
            assert sandbox.Sandbox(level=level, preload=()).run("ans = 1").ok  # type: ignore[arg-type]
        else:
            with pytest.raises(sandbox.LevelError):
                sandbox.Sandbox(level=level, preload=()).run("ans = 1")  # type: ignore[arg-type]
    assert diagnosis.ok == (diagnosis.levels["standard"] is None)
    assert diagnosis.best in ("strict", "standard", "minimal")
    assert [layer.name for layer in diagnosis.layers] == list(LAYERS)
    for layer in diagnosis.layers:
        assert layer.evidence
        assert (layer.remedy is None) == layer.active


def test_a_diagnosis_goes_through_json_and_reads_well() -> None:
    diagnosis = sandbox.doctor()
    assert Diagnosis.model_validate_json(diagnosis.model_dump_json()) == diagnosis
    said = str(diagnosis)
    assert sys.executable in said
    assert "level standard: available" in said
    assert "open a file: EACCES" in said


def test_what_is_missing_comes_with_its_remedy() -> None:
    said = on_a_machine_without("landlock_create_ruleset=ENOSYS,unshare", "import sandbox\nprint(sandbox.doctor())")
    assert "active  seccomp" in said
    assert "MISSING landlock" in said
    assert "MISSING namespaces" in said
    assert "remedy: use Linux 6.2 or newer with landlock" in said
    assert "level minimal: available" in said
