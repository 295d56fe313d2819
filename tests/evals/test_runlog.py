"""A run's folder: loaded as it was, whatever was torn, damaged, held or killed meanwhile."""

import datetime
import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from adding import adds, plain_lines, sums
from solving import scripted

import evals
from evals import runlog
from evals.events import ItemScored
from evals.item import Item
from evals.run import load_run
from evals.task import Task
from reasoning.errors import DataError, UsageError
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency

HERE = Path(__file__).parent


def test_a_run_is_loaded_as_it_was(tmp_path: Path) -> None:
    run = evals.evaluate(sums(10), SelfConsistency(of=ChainOfThought(), samples=3), scripted(adds), out=tmp_path)
    loaded = load_run(tmp_path / "sums--self-consistency--scripted-script")
    assert loaded.to_json() == run.to_json()
    assert list(loaded.records) == list(run.records)
    assert list(loaded.results[2:4]) == list(loaded.results)[2:4]
    assert loaded.header == run.header
    assert len(loaded.frame()) == 10


def test_a_torn_last_line_is_dropped_and_its_problem_done_again(tmp_path: Path) -> None:
    run = evals.evaluate(sums(10), Direct(), scripted(adds), out=tmp_path)
    assert run.folder is not None
    log = run.folder / "results.jsonl"
    whole = plain_lines(run.folder)
    log.write_bytes(log.read_bytes()[:-7])
    assert load_run(run.folder).done == 9
    backend = scripted(adds)
    again = evals.evaluate(sums(10), Direct(), backend, out=tmp_path)
    assert (len(backend.calls), again.done) == (1, 10)
    assert plain_lines(run.folder) == whole


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    run = evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)
    assert run.folder is not None
    log = run.folder / "results.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + b"\0\0\0\n" + lines[2])
    with pytest.raises(DataError, match=f"at byte {len(lines[0])}"):
        load_run(run.folder)


def test_a_header_that_is_no_text_is_damaged_and_not_a_traceback(tmp_path: Path) -> None:
    run = evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)
    assert run.folder is not None
    (run.folder / "run.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"run\.json is no run\.json"):
        load_run(run.folder)
    with pytest.raises(DataError, match=r"run\.json is no run\.json"):
        evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)


def test_a_header_that_cannot_be_written_is_said_with_what_to_do(tmp_path: Path) -> None:
    header = tmp_path / "sums--direct--scripted-script" / "run.json"

    def put_a_folder_in_its_place(event: object) -> None:
        if isinstance(event, ItemScored) and header.is_file():
            header.unlink()
            header.mkdir()

    with pytest.raises(DataError, match="could not be written: .*run again"):
        evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path, on_event=put_a_folder_in_its_place)


def test_metadata_that_json_has_no_form_for_stands_in_the_log_as_text(tmp_path: Path) -> None:
    items = [Item.of("i", "What is 1 + 2?", "3", metadata={"day": datetime.date(2024, 2, 29), "odd": "\ud800"})]
    run = evals.evaluate(Task.of("dated", items), Direct(), scripted(adds), out=tmp_path)
    assert run["i"].metadata == {"day": "2024-02-29", "odd": "\ud800"}


def test_a_folder_that_cannot_be_locked_is_not_taken_for_one_that_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(runlog, "hold", refuse)
    with pytest.raises(DataError, match="No locks available; name an --out on a local disk"):
        evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)


def test_a_lock_far_beyond_the_lines_is_not_taken_for_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where the lock leaves the file at its own place."""
    monkeypatch.setattr(runlog, "hold", lambda file: file.seek(1 << 40))
    for limit in (2, 3):
        assert evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path, limit=limit).done == limit


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    from evals.lock import hold

    run = evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)
    assert run.folder is not None
    with (run.folder / "results.jsonl").open("ab") as other:
        hold(other)
        with pytest.raises(UsageError, match="Another process"):
            evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)
    assert load_run(run.folder).done == 3


KILLED = """
import sys
import evals
from adding import sums, adds
from reasoning.backends.scripted import Scripted, ScriptedOptions
from strategies.chain_of_thought import ChainOfThought
from strategies.self_consistency import SelfConsistency

backend = Scripted(adds, ScriptedOptions(latency_s=0.005))
strategy = SelfConsistency(of=ChainOfThought(), samples=3)
print(evals.evaluate(sums(150), strategy, backend, out=sys.argv[1], repeats=2).done)
"""


def killed_at(out: Path, grown: int) -> bool:
    """Runs until it ends, or is killed once its log has grown by so many bytes; whether it was killed."""
    support = os.pathsep.join(str(HERE.parent / folder) for folder in ("support", "servers"))
    environment = {**os.environ, "PYTHONPATH": support}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(out)], stdout=subprocess.DEVNULL, env=environment, cwd=HERE.parents[1]
    )
    log = out / "sums--self-consistency--scripted-script" / "results.jsonl"
    end = grown + (log.stat().st_size if log.exists() else 0)
    while process.poll() is None:
        if (log.stat().st_size if log.exists() else 0) >= end:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.001)
    assert process.returncode == 0
    return False


def test_a_run_killed_at_random_moments_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    chance = random.Random(7)
    kills = 0
    while killed_at(tmp_path / "killed", chance.randint(1, 45_000)):
        kills += 1
        assert load_run(tmp_path / "killed" / "sums--self-consistency--scripted-script").done
        assert kills < 60
    assert not killed_at(tmp_path / "whole", sys.maxsize)
    killed, whole = (tmp_path / part / "sums--self-consistency--scripted-script" for part in ("killed", "whole"))
    assert kills >= 2
    assert len((killed / "results.jsonl").read_text().splitlines()) == 300
    assert plain_lines(killed) == plain_lines(whole)
    left_out = {"shared", "started", "seconds", "host"}
    one, other = (load_run(folder).header.model_dump(exclude=left_out) for folder in (killed, whole))
    assert one == other
