"""Every hostile program ends with its expected status, touches nothing, leaves nothing: at each level, as each user.

A worker runs the whole corpus once for each setting, in a process of its own; the tests read what it saw.
"""

import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import withstand_worker
from withstand_corpus import CASES, Case
from withstand_settings import NOBODY, SETTINGS, Setting, Unavailable, start

from sandbox import Outcome

LATE_S = 1.0
"""Seconds past its limit by which a program is gone."""


@dataclass
class Verdicts:
    """What the worker saw in one setting."""

    unavailable: str = ""
    isolation: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    fatal: dict[str, str] = field(default_factory=dict)
    ended: dict[str, Any] = field(default_factory=dict)

    def take(self, message: dict[str, Any]) -> None:
        """A line of the worker's."""
        self.unavailable = message.get("unavailable", "")
        self.isolation |= message.get("isolation", {})
        if "name" in message:
            self.seen[message["name"]] = message
        if "end" in message:
            self.ended = message


def canaries(folder: Path) -> None:
    """Files that anyone may change, of this user and of nobody."""
    os.chmod(folder, 0o777)
    for name in ("mine", "theirs"):
        (folder / name).write_text("a secret")
        os.chmod(folder / name, 0o666)
    (folder / "folder").mkdir()
    os.chmod(folder / "folder", 0o777)
    if os.geteuid() == 0:
        os.chown(folder / "mine", NOBODY, NOBODY)


def run_worker(setting: Setting, names: list[str]) -> Verdicts:
    """Run these cases; should a program kill the worker, say so and go on behind it."""
    verdicts = Verdicts()
    while names and not verdicts.ended and not verdicts.unavailable:
        try:
            begun, error = run_once(setting, names, verdicts)
        except Unavailable as missing:
            verdicts.unavailable = str(missing)
            break
        if not verdicts.ended and not verdicts.unavailable:
            assert begun, f"the worker did not start: {error}"
            verdicts.fatal[begun] = error
            names = names[names.index(begun) + 1 :]
    return verdicts


def run_once(setting: Setting, names: list[str], verdicts: Verdicts) -> tuple[str, str]:
    """Run these cases until all are done or the worker is dead; the case it began last, and its last words."""
    folder = Path(tempfile.mkdtemp(prefix="withstand-", dir="/tmp"))
    canaries(folder)
    token = "withstood" + secrets.token_hex(8)
    plan = {"level": setting.level, "docker": setting.docker, "session": setting.session, "token": token}
    plan |= {"canary": str(folder), "cases": names}
    begun = ""
    try:
        with (
            tempfile.TemporaryFile("w+") as words,
            start(setting, withstand_worker.__file__, words, str(folder), WITHSTAND_SECRET="SECRET") as worker,
        ):
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(json.dumps(plan) + "\n")
            worker.stdin.close()
            for message in map(json.loads, worker.stdout):
                begun = message.get("begin", begun)
                verdicts.take(message)
            code = worker.wait()
            words.seek(0)
            return begun, f"code {code}: {words.read()[-2000:]}"
    finally:
        shutil.rmtree(folder)
        if setting.level == "unsafe":
            for left in withstand_worker.left_behind(token):
                os.unlink(left)


@pytest.fixture(scope="session")
def verdicts_of(request: pytest.FixtureRequest) -> Callable[[Setting], Verdicts]:
    """What the worker saw in a setting, of the cases that this session asks for."""
    known: dict[Setting, Verdicts] = {}

    def of(setting: Setting) -> Verdicts:
        if setting not in known:
            asked = {
                item.callspec.params["case"].name
                for item in request.session.items
                if isinstance(item, pytest.Function)
                and hasattr(item, "callspec")
                and item.callspec.params.get("setting") == setting
                and "case" in item.callspec.params
            }
            known[setting] = run_worker(setting, [case.name for case in CASES if case.name in asked])
        if known[setting].unavailable:
            pytest.skip(known[setting].unavailable)
        return known[setting]

    return of


FEW = {Setting("standard"), Setting("strict"), Setting("standard", nobody=True)}
IN_EACH = pytest.mark.parametrize(
    "setting",
    [setting if setting in FEW else pytest.param(setting, marks=pytest.mark.slow) for setting in SETTINGS],
    ids=str,
)
"""In each setting: the usual ones in every run of the tests, the others in the slower lane."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@IN_EACH
def test_the_program_is_withstood(setting: Setting, case: Case, verdicts_of: Callable[[Setting], Verdicts]) -> None:
    verdicts = verdicts_of(setting)
    assert case.name not in verdicts.fatal, f"the sandbox's own process died: {verdicts.fatal[case.name]}"
    seen = verdicts.seen[case.name]
    outcome = Outcome.model_validate_json(seen["outcome"])
    assert not case.faults(outcome, in_session=setting.session), outcome
    assert not seen["harm"]
    if setting.session:
        then = Outcome.model_validate_json(seen["then"])
        refused = then.status == "setup_failed" and "its session ended" in (then.error or "")
        assert refused or (then.status, then.value) == ("ok", 42), then
    assert outcome.wall_s < case.limits["wall_s"] + LATE_S
    assert (outcome.hint is None) == (outcome.status == "ok")
    assert (outcome.error is None) == (outcome.status == "ok")


@IN_EACH
def test_nothing_is_left_when_all_have_run(setting: Setting, verdicts_of: Callable[[Setting], Verdicts]) -> None:
    verdicts = verdicts_of(setting)
    if not verdicts.seen:
        pytest.skip("no program was asked for")
    assert not verdicts.fatal
    assert verdicts.ended["harm"] == []
    assert max(seen["peak"] for seen in verdicts.seen.values()) < 400 * 2**20, "a payload grew the caller"


@IN_EACH
def test_every_outcome_carries_the_evidence(setting: Setting, verdicts_of: Callable[[Setting], Verdicts]) -> None:
    verdicts = verdicts_of(setting)
    assert verdicts.isolation["level"] == setting.level
    assert {"landlock", "seccomp"} <= verdicts.isolation["layers"].keys()
    for seen in verdicts.seen.values():
        isolation = Outcome.model_validate_json(seen["outcome"]).isolation.model_dump()
        assert of_any_server(isolation) == of_any_server(verdicts.isolation)


def of_any_server(isolation: dict[str, Any]) -> str:
    """The evidence without the process id in the name of a server's control group: a handle has several servers."""
    return re.sub(r"/sandbox-\d+", "/sandbox-ID", json.dumps(isolation))


@pytest.fixture(scope="session")
def uncontained() -> Verdicts:
    """What the harmless among the hostile programs do where nothing contains them."""
    return run_worker(Setting("unsafe"), [case.name for case in CASES if case.control])


@pytest.mark.parametrize("case", [case for case in CASES if case.control], ids=lambda case: case.name)
def test_uncontained_the_program_does_its_harm(case: Case, uncontained: Verdicts) -> None:
    outcome = Outcome.model_validate_json(uncontained.seen[case.name]["outcome"])
    assert case.faults(outcome)
    assert list(outcome.value.values()).count("done") > len(outcome.value) / 2


def test_uncontained_the_canaries_tell(uncontained: Verdicts) -> None:
    harm = "\n".join(text for seen in uncontained.seen.values() for text in seen["harm"])
    for said in ("was left behind", "mine changed", "theirs changed", "folder changed", "instead of"):
        assert said in harm
    assert len({line for line in harm.splitlines() if line.endswith("was reached")}) >= 4


def test_strict_is_refused_by_the_name_of_what_is_missing() -> None:
    refused = run_worker(Setting("strict", docker=True), ["sys.exit"])
    assert "'strict'" in refused.unavailable
    assert "namespace" in refused.unavailable
