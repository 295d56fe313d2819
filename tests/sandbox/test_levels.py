"""A level that the machine cannot give is refused, with the missing layer and the remedy; never a weaker one given."""

import sys

import pytest
from withhold import on_a_machine_without

import sandbox
from sandbox import LEVELS, Sandbox
from sandbox.layers import NEEDS, REMEDIES

TRY = """
from sandbox import LevelError, Sandbox
for level in ("strict", "standard", "minimal"):
    try:
        outcome = Sandbox(level=level, preload=()).run("ans = 1")
        print(level, outcome.status, outcome.isolation.level)
    except LevelError as error:
        print(level, "refused:", error)
"""


def test_each_level_says_what_holds_it() -> None:
    refused: dict[str, str] = {}
    proc: dict[str, object] = {}
    for level in LEVELS:
        try:
            isolation = Sandbox(level=level, preload=()).run("ans = 1").isolation
        except sandbox.LevelError as error:
            refused[level] = str(error)
            continue
        assert isolation.level == level
        proc[level] = isolation.layers.get("proc")
        assert set(NEEDS[level]) <= set(isolation.layers)
        assert ("chmod a file: EPERM" in str(isolation.layers.get("seccomp"))) == (level != "unsafe")
    assert set(refused) <= {"strict"}
    if not refused:
        assert proc["standard"] == "covered"
    assert REMEDIES["namespaces"] in refused.get("strict", REMEDIES["namespaces"])


def test_without_landlock_only_minimal_is_left() -> None:
    said = on_a_machine_without("landlock_create_ruleset=ENOSYS", TRY).splitlines()
    assert said[0].startswith("strict refused:")
    assert said[1].startswith("standard refused: The level 'standard' cannot be had here, for want of landlock (")
    assert "ask for the level 'minimal' by name" in said[1]
    assert said[2] == "minimal ok minimal"


def test_without_user_namespaces_strict_is_refused_and_standard_holds() -> None:
    said = on_a_machine_without("unshare", TRY).splitlines()
    assert said[0].startswith("strict refused: The level 'strict' cannot be had here, for want of namespaces (")
    assert "max_user_namespaces" in said[0]
    assert said[1:] == ["standard ok standard", "minimal ok minimal"]


def test_where_the_mount_is_denied_strict_is_refused() -> None:
    said = on_a_machine_without("mount", TRY).splitlines()
    assert said[0].startswith("strict refused: The level 'strict' cannot be had here, for want of namespaces (")


def test_without_filters_no_contained_level_is_left() -> None:
    said = on_a_machine_without("prctl.seccomp", TRY).splitlines()
    assert [line.partition(" ")[2][:8] for line in said] == ["refused:"] * 3
    assert "for want of seccomp" in said[2]


def test_a_layer_that_lets_something_through_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.shutdown()
    monkeypatch.setitem(NEEDS, "unsafe", ("seccomp",))
    with pytest.raises(sandbox.LevelError, match="does not hold here, for seccomp let a test program chmod a file"):
        Sandbox(level="unsafe", preload=()).run("ans = 1")


def test_other_systems_are_told_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    for system in ("darwin", "win32"):
        monkeypatch.setattr(sys, "platform", system)
        with pytest.raises(sandbox.LevelError, match="Docker.*WSL2"):
            Sandbox()
        diagnosis = sandbox.doctor()
        assert (diagnosis.best, diagnosis.ok) == (None, False)
        assert "WSL2" in str(diagnosis)
