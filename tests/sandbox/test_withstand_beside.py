"""No program finds or takes anything of another's, nor of its caller's: at each level, as each user."""

import json
import os
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
import withstand_beside
from withstand_settings import SETTINGS, Setting, Unavailable, start

Played = Callable[[Setting], dict[str, Any]]

PLACES = [setting for setting in SETTINGS if not setting.session]
IN_EACH = pytest.mark.parametrize("setting", PLACES, ids=str)


@pytest.fixture(scope="module")
def played() -> Played:
    """All scenes, played once in each setting."""
    known: dict[Setting, dict[str, Any]] = {}

    def play(setting: Setting) -> dict[str, Any]:
        if setting not in known:
            plan = {"level": setting.level, "docker": setting.docker}
            try:
                with tempfile.TemporaryFile("w+") as words:
                    with start(setting, withstand_beside.__file__, words, "/") as worker:
                        said, _ = worker.communicate(json.dumps(plan) + "\n")
                    words.seek(0)
                    assert worker.returncode == 0, words.read()
                known[setting] = json.loads(said)
            except Unavailable as missing:
                known[setting] = {"unavailable": str(missing)}
        if "unavailable" in known[setting]:
            pytest.skip(known[setting]["unavailable"])
        return known[setting]

    return play


@IN_EACH
def test_what_one_does_to_its_standard_input_the_next_does_not_see(setting: Setting, played: Played) -> None:
    seen = played(setting)["stdin_is_its_own"]
    assert seen["spoilt"] & os.O_NONBLOCK
    assert seen["seen"] == [0, 0, 0]


@IN_EACH
def test_no_lock_outlives_its_program(setting: Setting, played: Played) -> None:
    assert played(setting)["no_lock_is_left"]["tried"] == "Operation not permitted"


@IN_EACH
def test_no_two_programs_draw_the_same_from_sympy(setting: Setting, played: Played) -> None:
    for column in zip(*played(setting)["generators_differ"]["drawn"], strict=True):
        assert len(set(column)) == 8


@IN_EACH
def test_queued_signals_leave_the_caller_its_timers(setting: Setting, played: Played) -> None:
    seen = played(setting)["queued_signals"]
    assert seen["most"] <= 4 * 64 + 40
    assert seen["timers"] == 20


@IN_EACH
def test_honest_thread_pools_work_beside_programs_that_take_all_threads(setting: Setting, played: Played) -> None:
    seen = played(setting)["pools_beside_bombs"]
    assert (seen["honest"], seen["values"]) == (["ok"], [sum(x * x for x in range(64))]), seen["errors"]
    assert set(seen["hostile"]) <= {"ok", "memory_limit"}
