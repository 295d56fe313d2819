"""No program makes the machine lose more than one and a half times its limit of memory, whatever holds it."""

import json
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
import withstand_growth
from memory_used import meter
from withstand_corpus import CASES
from withstand_settings import SETTINGS, Setting, Unavailable, start

from sandbox import Outcome

MOST = 1.5
MEASURED = [case for case in CASES if case.grows]
WARMING = ("ans = 1", "import sympy\nans = 1")  # so that no server starts while it is measured
PLACES = [setting for setting in SETTINGS if not setting.session]


def growths(setting: Setting) -> Iterator[tuple[str, Outcome, int]]:
    """Each program, what became of it, and the bytes that it cost."""
    with (
        tempfile.TemporaryFile("w+") as words,
        start(setting, withstand_growth.__file__, words, "/") as worker,
    ):
        assert worker.stdin is not None
        assert worker.stdout is not None

        def ask(question: Any) -> dict[str, Any]:
            worker.stdin.write(json.dumps(question) + "\n")  # type: ignore[union-attr]
            worker.stdin.flush()  # type: ignore[union-attr]
            said: dict[str, Any] = json.loads(worker.stdout.readline() or "{}")  # type: ignore[union-attr]
            words.seek(0)
            assert said, words.read()
            return said

        meters = meter([worker.pid])  # before it starts any server: what they hold counts
        try:
            first = ask({"level": setting.level, "docker": setting.docker})
            if "unavailable" in first:
                raise Unavailable(first["unavailable"])
            for program in WARMING:
                ask(program)
            for name in (case.name for case in MEASURED):
                heard: dict[str, Any] = {}
                grown = min(meters.growth(lambda: heard.update(ask(name))) for _ in range(meters.tries))  # noqa: B023
                yield name, Outcome.model_validate_json(heard["outcome"]), grown
            worker.stdin.close()
            assert worker.wait() == 0
        finally:
            worker.kill()
            meters.close()


@pytest.mark.parametrize("setting", PLACES, ids=str)
def test_all_that_the_kernel_holds_for_a_program_is_bounded(setting: Setting) -> None:
    try:
        seen = list(growths(setting))
    except Unavailable as missing:
        pytest.skip(str(missing))
    cases = {case.name: case for case in MEASURED}
    assert [name for name, *_ in seen] == list(cases)
    assert not [(name, outcome) for name, outcome, _ in seen if cases[name].faults(outcome)]
    shares = {name: round(grown / cases[name].limits["memory_bytes"], 2) for name, _, grown in seen}
    print(shares)
    for name in ("filled to its limit", "a mapping for every second page", "copies of the libraries"):
        assert shares[name] > 0.8, "it was not measured"
    assert not {name: share for name, share in shares.items() if share > MOST}
