"""What is in the store stays as it was, and a file that is no store stays untouched."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reasoning.completion import Completion, Logprobs
from reasoning.draws import draw_key, identity_text
from reasoning.errors import RunStopped, StoreError, StoreWriteError
from reasoning.message import user
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.store import Kept, Store
from reasoning.store.claims import Claims
from reasoning.store.codec import DrawRow, Shared, decode, encode
from reasoning.usage import Usage

IDENTITY = identity_text({"engine": "test", "model": "a"})
REQUEST = Request(messages=(user("How many?"),), sampling=Sampling(temperature=0.7, max_tokens=50))
KEY = draw_key(IDENTITY, REQUEST)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "draws.sqlite")
    yield store
    store.close()


def draw(index: int, text: str = "The answer is 18.") -> Completion:
    return Completion(
        index=index,
        text=text,
        usage=Usage(prompt_tokens=12, completion_tokens=6),
        latency_s=0.1,
        seed=index,
        model="a-2026",
        fingerprint="fp",
        rendered="<user>How many?",
        cost=0.0001,
        request=REQUEST,
    )


def put(store: Store, *draws: Completion, not_before: int = 0) -> int:
    return store.write(KEY, IDENTITY, REQUEST, draws, not_before).result(10).doubles


def test_a_draw_comes_back_as_it_was(store: Store) -> None:
    put(store, draw(0), draw(7), draw(65536 * 3))
    assert store.read(KEY, REQUEST, [0, 1, 7, 65536 * 3]) == {n: draw(n) for n in (0, 7, 65536 * 3)}


def test_another_request_has_draws_of_its_own(store: Store) -> None:
    put(store, draw(0))
    other = Request(prompt="b", sampling=REQUEST.sampling)
    assert store.read(draw_key(IDENTITY, other), other, [0]) == {}


texts = st.text(st.characters(exclude_categories=()), max_size=60)  # lone surrogates too
usages = st.builds(
    Usage,
    prompt_tokens=st.integers(0, 10**9),
    completion_tokens=st.integers(0, 10**9),
    reasoning_tokens=st.integers(0, 10**6),
    cached_tokens=st.integers(0, 10**6),
    estimated=st.booleans(),
)
values = st.floats(allow_nan=False)
logprobs = st.lists(st.tuples(texts, values), max_size=4).map(
    lambda pairs: Logprobs(
        tokens=tuple(t for t, _ in pairs), values=tuple(v for _, v in pairs), top=tuple(((t, v),) for t, v in pairs)
    )
)
completions = st.builds(
    Completion,
    index=st.integers(0, 2**40),
    text=texts,
    reasoning=st.none() | texts,
    finish=st.sampled_from(["stop", "length", "content_filter", "refusal"]),
    logprobs=st.none() | logprobs,
    usage=usages,
    billed=st.none() | usages,
    cost=st.none() | st.floats(0, 1e6),
    latency_s=st.floats(0, 1e6),
    failure=st.none(),
    model=st.none() | st.just("m"),
    fingerprint=st.none() | st.just("f"),
    rendered=st.none() | texts,
    seed=st.none() | st.integers(0, 2**31 - 1),
    degradations=st.lists(texts, max_size=2).map(tuple),
    request=st.just(REQUEST),
)


@given(completion=completions)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_every_completion_survives_the_codec(completion: Completion) -> None:
    written = DrawRow._make(encode(completion, 5))
    shared = Shared(completion.model, completion.fingerprint, completion.rendered)
    assert decode(written, shared, REQUEST) == completion


def test_what_is_committed_first_stays(store: Store) -> None:
    assert put(store, draw(0, "first")) == 0
    kept = store.write(KEY, IDENTITY, REQUEST, [draw(0, "second"), draw(1, "new")]).result(10)
    assert [c.text for c in kept.completions] == ["first", "new"]
    assert kept.doubles == 1
    assert store.read(KEY, REQUEST, [0])[0].text == "first"


def test_an_older_draw_gives_way_where_a_fresh_one_is_wanted(tmp_path: Path) -> None:
    now = [100.0]
    store = Store.open(tmp_path / "s", clock=lambda: now[0])
    put(store, draw(0, "old"))
    now[0] = 200.0
    assert store.read(KEY, REQUEST, [0], not_before=150_000) == {}
    assert put(store, draw(0, "new"), not_before=150_000) == 0
    assert store.read(KEY, REQUEST, [0])[0].text == "new"
    store.close()


def test_one_who_stops_waiting_does_not_stop_the_writer(store: Store) -> None:
    for n in range(50):
        store.write(KEY, IDENTITY, REQUEST, [draw(n)]).cancel()
    put(store, draw(50))
    assert sorted(store.read(KEY, REQUEST, range(60))) == list(range(51))


def test_half_a_character_in_a_servers_name_breaks_nothing(store: Store) -> None:
    put(store, draw(0).model_copy(update={"model": "m\ud83d", "fingerprint": "\udc00"}))
    assert store.read(KEY, REQUEST, [0])[0].model == "m?"


def test_a_draw_that_cannot_be_written_costs_no_other_of_its_transaction(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, all_wait, commit = threading.Event(), threading.Event(), Store._commit

    def slow(store: Store, batch: Sequence[Any]) -> list[Kept]:
        begun.set()
        assert all_wait.wait(20)
        return commit(store, batch)

    monkeypatch.setattr(Store, "_commit", slow)
    first = store.write(KEY, IDENTITY, REQUEST, [draw(0)])
    assert begun.wait(20)
    huge = draw(1).model_copy(update={"usage": Usage(prompt_tokens=10**30)})
    waiting = [store.write(KEY, IDENTITY, REQUEST, [one]) for one in (huge, draw(2), draw(3))]
    all_wait.set()
    assert isinstance(waiting[0].exception(20), OverflowError)
    assert [first.result(20).completions[0].index, *(one.result(20).completions[0].index for one in waiting[1:])] == [
        0,
        2,
        3,
    ]
    assert sorted(store.read(KEY, REQUEST, range(9))) == [0, 2, 3]


def test_draws_are_there_after_closing_and_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = Store.open(path)
    put(store, draw(0))
    store.close()
    script = (
        "import sys; from reasoning.store import Store; from reasoning.request import Request;"
        "from reasoning.draws import draw_key;"
        "store = Store.open(sys.argv[1]); request = Request.model_validate_json(sys.argv[2]);"
        "print(store.read(draw_key(sys.argv[3], request), request, [0])[0].text)"
    )
    command = [sys.executable, "-c", script, str(path), REQUEST.canonical, IDENTITY]
    assert subprocess.check_output(command, text=True).strip() == "The answer is 18."


def test_one_store_a_file_in_a_process(tmp_path: Path) -> None:
    one, two = Store.open(tmp_path / "s"), Store.open(str(tmp_path / "." / "s"))
    assert one is two
    one.close()
    put(two, draw(0))
    two.close()


CLAIMED_ELSEWHERE = (
    "import sys; from pathlib import Path; from reasoning.store.claims import Claims;"
    "print(not Claims(Path(sys.argv[1])).take(bytes.fromhex(sys.argv[2]), 0, object()))"
)


def test_a_store_opened_while_it_closes_keeps_its_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing a file drops every lock that the process holds on it, those taken through another opening too."""
    closing, claimed, stored, opened = threading.Event(), threading.Event(), threading.Event(), []
    commit = Store._commit

    def slow(store: Store, batch: Sequence[Any]) -> list[Kept]:
        closing.set()
        assert stored.wait(20)
        return commit(store, batch)

    def reopen() -> None:
        opened.append(Store.open(tmp_path / "s"))
        assert opened[0].claims.take(KEY, 0, opened)
        claimed.set()

    monkeypatch.setattr(Store, "_commit", slow)
    old = Store.open(tmp_path / "s")
    old.write(KEY, IDENTITY, REQUEST, [draw(0)])
    assert closing.wait(20)
    threads = [threading.Thread(target=old.close), threading.Thread(target=reopen)]
    threads[0].start()
    claimed.wait(0.5)
    threads[1].start()
    claimed.wait(0.5)  # what it could do before the old one is closed, it has done
    stored.set()
    for thread in threads:
        thread.join(20)
    command = [sys.executable, "-c", CLAIMED_ELSEWHERE, str(tmp_path / "s"), KEY.hex()]
    assert subprocess.check_output(command, text=True).strip() == "True"
    opened[0].close()
    opened[0].claims.release(KEY, 0, opened)  # a buyer that ends late


def test_a_store_whose_claims_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s-flights").mkdir()
    with pytest.raises(StoreError, match="s-flights cannot be opened.*--store FILE"):
        Store.open(tmp_path / "s")


def test_claims_need_no_flag_that_windows_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_CLOEXEC")
    claims = Claims(tmp_path / "s")
    assert not os.get_inheritable(claims._file)
    claims.close()


def test_a_store_does_not_cross_a_fork(store: Store) -> None:
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            store.read(KEY, REQUEST, [0])
        except StoreError:
            ended = 7
        finally:
            os._exit(ended)  # whatever comes, this process runs no more tests
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


# Files that are no store, or not one that can be used


def refused(path: Path) -> str:
    """The words a file is refused with; it must be untouched, byte for byte, and nothing new beside it."""
    before, beside = path.read_bytes(), sorted(path.parent.iterdir())
    with pytest.raises(StoreError) as error:
        Store.open(path)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == beside
    return str(error.value)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a store, " * 100)
    assert "not a store of draws" in refused(path)


def test_a_short_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short"
    path.write_bytes(b"SQLite format 3\0")
    assert "not a store of draws" in refused(path)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE draw (x)")
    connection.close()
    assert "not a store of draws" in refused(path)


def filled(path: Path, draws: int = 50) -> Path:
    store = Store.open(path)
    put(store, *(draw(n, f"{n} " + os.urandom(200).hex()) for n in range(draws)))
    store.close()
    return path


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "s")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    assert "format 2, newer than this program's 1" in refused(path)


def test_a_store_cut_short_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "s")
    os.truncate(path, path.stat().st_size // 2)
    assert "cut short" in refused(path)


def test_a_store_with_damaged_tables_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "s")
    damaged = bytearray(path.read_bytes())
    damaged[100:8192] = b"\xff" * 8092
    path.write_bytes(damaged)
    assert "is damaged" in refused(path)


def test_a_damaged_draw_is_said_so_and_never_read_as_something_else(tmp_path: Path) -> None:
    path = filled(tmp_path / "s", 1)
    connection = sqlite3.connect(path)
    data = bytearray(connection.execute("SELECT data FROM draw").fetchone()[0])
    data[len(data) // 2] ^= 1
    connection.execute("UPDATE draw SET data = ?", (bytes(data),))
    connection.commit()
    connection.close()
    store = Store.open(path)
    with pytest.raises(StoreError, match="damaged.*store verify"):
        store.read(KEY, REQUEST, [0])
    store.close()


def test_a_store_that_cannot_be_opened_is_not_called_damaged(tmp_path: Path) -> None:
    path = filled(tmp_path / "s", 1)
    (tmp_path / "s-wal").mkdir()
    assert "cannot be opened" in refused(path)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a plain file"):
        Store.open(tmp_path)


# A full disk


def test_a_full_disk_stops_the_run_with_nothing_half_written(tmp_path: Path) -> None:
    """A limit on file sizes, in a process of its own, refuses the write as a full disk does."""
    path = tmp_path / "s"
    filled(path, 4)
    before = path.stat().st_size

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (before + 32768, before + 32768))

    script = Path(__file__).with_name("fill_store.py")
    done = subprocess.run([sys.executable, script, path], preexec_fn=limit, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    kept = int(done.stdout)
    store = Store.open(path)
    assert sorted(store.read(KEY, REQUEST, range(1000))) == [0, 1, 2, 3, *range(100, 100 + 2 * kept)]
    assert put(store, draw(500)) == 0
    store.close()


@pytest.mark.parametrize("room", [0, 8192])
def test_a_disk_too_full_for_a_new_store_is_said_so(tmp_path: Path, room: int) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    script = "import sys; from reasoning.store import Store; Store.open(sys.argv[1])"
    command = [sys.executable, "-B", "-c", script, str(tmp_path / "s")]
    ended = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, timeout=60)
    assert "StoreWriteError: The store" in ended.stderr
    Store.open(tmp_path / "s").close()


def test_a_store_that_cannot_be_written_stops_a_run() -> None:
    assert issubclass(StoreWriteError, RunStopped)
    assert issubclass(StoreWriteError, StoreError)
