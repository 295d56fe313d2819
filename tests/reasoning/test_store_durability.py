"""A committed draw is never lost, whatever else opens, closes, copies or forks beside it, and whoever is killed."""

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import use_store

from reasoning.store import Store, checking, place

SCRIPT = Path(use_store.__file__)


class Process:
    """Another process that uses the store as it is told."""

    def __init__(self, path: Path) -> None:
        self.running = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def do(self, *lines: str) -> None:
        assert self.running.stdin is not None
        assert self.running.stdout is not None
        for line in lines:
            print(line, file=self.running.stdin, flush=True)
            assert self.running.stdout.readline() == "done\n", line

    def kill(self) -> None:
        """Kills it, and what it forked."""
        if self.running.poll() is None:
            os.killpg(self.running.pid, signal.SIGKILL)
        self.running.communicate()


Start = Callable[[], Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def new() -> Process:
        started.append(Process(tmp_path / "s"))
        return started[-1]

    yield new
    for process in started:
        process.kill()


def rows_in(path: Path) -> set[int]:
    """The rows that a third process, this one, finds."""
    store = Store.open(path)
    found = store.read(use_store.KEY, use_store.REQUEST, range(1000))
    store.close()
    assert checking.verify(path).clean
    return set(found)


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="locks of open file descriptions are Linux's")


@pytest.mark.parametrize(
    "beside", ["stats", "verify", pytest.param("read", marks=LINUX), pytest.param("copy", marks=LINUX)]
)
@pytest.mark.parametrize("other", ["reasoning", "sqlite"])
def test_what_is_committed_after_another_process_has_closed_outlives_a_kill(
    tmp_path: Path, start: Start, beside: str, other: str
) -> None:
    path, one = tmp_path / "s", start()
    one.do("open", "write 0 1", beside)
    if other == "reasoning":
        two = start()
        two.do("open", "write 1 1", "close")
        two.kill()
    else:
        connection = sqlite3.connect(path)
        connection.execute("SELECT count(*) FROM draw").fetchall()
        connection.close()
    one.do("write 2 2")
    one.kill()
    assert rows_in(path) >= {0, 2, 3}


def test_a_child_that_opens_the_store_anew_outlives_its_parents_closing(tmp_path: Path, start: Start) -> None:
    one = start()
    one.do("open", "write 0 1", "fork", "open", "write 1 1", "close-parent", "write 2 2")
    two = start()
    two.do("open", "write 4 1", "close")
    one.do("write 5 2")
    one.kill()
    assert rows_in(tmp_path / "s") == {*range(7)}


@pytest.mark.parametrize("kills", [5, pytest.param(40, marks=pytest.mark.slow)])
def test_three_processes_and_kills_lose_nothing(tmp_path: Path, start: Start, kills: int) -> None:
    dice, committed = random.Random(kills), 0
    users = [start() for _ in range(3)]
    opened = [False] * 3
    for _ in range(kills):
        for _ in range(12):
            at = dice.randrange(3)
            if not opened[at]:
                users[at].do("open")
                opened[at] = True
            verb = dice.choice(["write", "write", "stats", "verify", "copy" if sys.platform == "linux" else "stats"])
            users[at].do(f"write {committed} 2" if verb == "write" else verb)
            committed += 2 * (verb == "write")
            if dice.random() < 0.3:
                users[at].do("close")
                opened[at] = False
        at = dice.randrange(3)
        users[at].kill()
        users[at], opened[at] = start(), False
    for user in users:
        user.kill()
    assert rows_in(tmp_path / "s") == {*range(committed)}


def test_the_last_to_close_leaves_one_whole_file(tmp_path: Path, start: Start) -> None:
    one, two = start(), start()
    one.do("open", "write 0 1", "stats")
    two.do("open", "write 1 1", "close")
    one.do("close")
    assert {file.name for file in tmp_path.iterdir()} == {"s", "s-flights"}


# Who may read and lock it


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("open_umask")
def test_a_new_store_is_its_owners_alone(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    assert {file.name: oct(mode(file)) for file in tmp_path.iterdir()} == dict.fromkeys(
        ("s", "s-flights", "s-shm", "s-wal"), "0o600"
    )
    store.close()


@pytest.mark.usefixtures("open_umask")
def test_the_usual_stores_folder_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("REASONING_STORE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    folder = place.default_path().parent
    folder.mkdir()  # as an older version made it
    Store.open(place.default_path()).close()
    assert mode(folder) == 0o700
    elsewhere = tmp_path / "shared"
    Store.open(elsewhere / "s").close()
    assert mode(elsewhere) == 0o755


@pytest.mark.usefixtures("open_umask")
@pytest.mark.parametrize(("store", "claims"), [(0o644, 0o600), (0o660, 0o660), (0o664, 0o660), (0o666, 0o666)])
def test_only_who_may_write_the_store_can_hold_a_claim(tmp_path: Path, store: int, claims: int) -> None:
    Store.open(tmp_path / "s").close()
    (tmp_path / "s").chmod(store)
    (tmp_path / "s-flights").chmod(0o644)  # as an older version made it
    Store.open(tmp_path / "s").close()
    assert mode(tmp_path / "s-flights") == claims
