"""The files that a program may read: these and nothing else, never to write, and gone when it has ended."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import sandbox
from sandbox import LevelError, Limits, Sandbox, SandboxError, Status
from sandbox.files import Cabinet, _remove_stale
from sandbox.pool import POOL

ROOT = Path(__file__).parents[2]
FILES = {"data.csv": "a,b\n1,2\n", "deep/er/raw.bin": b"\x00\xff"}
READ = "import os\nans = (open('data.csv').read(), open('deep/er/raw.bin', 'rb').read(), sorted(os.listdir('.')))"
SEEN = ("a,b\n1,2\n", b"\x00\xff", ["data.csv", "deep"])
HOSTILE = """
import os
ans = {}
def attempt(name, function, *arguments):
    try:
        function(*arguments)
    except OSError:
        return
    ans[name] = "done"
for mode in ("w", "a", "r+", "x"):
    attempt(mode + " a file", open, "data.csv", mode)
    attempt(mode + " another file", open, "new", mode)
attempt("truncate", os.truncate, "data.csv", 0)
attempt("remove", os.unlink, "data.csv")
attempt("rename", os.rename, "data.csv", "moved")
attempt("link", os.link, "data.csv", "linked")
attempt("symlink", os.symlink, "/etc/passwd", "linked")
attempt("make a folder", os.mkdir, "folder")
attempt("chmod", os.chmod, "data.csv", 0o666)
attempt("utime", os.utime, "data.csv", (1, 1))
attempt("list above", os.listdir, "..")
attempt("open above", open, "../.lock")
attempt("passwd", open, "../../../../etc/passwd")
attempt("leave", os.chdir, "..")
"""


@pytest.fixture(scope="module", params=["standard", "strict"])
def box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    handle = Sandbox(level=request.param, preload=(), parallel=2)
    try:
        handle.run("ans = 1")
    except LevelError as error:
        pytest.skip(str(error))
    yield handle
    sandbox.shutdown()


def laid_out() -> list[str]:
    """Folders of files that stand at the moment."""
    return [str(path) for path in Path(POOL.cabinet.root).iterdir() if path.is_dir()]


def test_a_program_reads_its_files_by_their_names(box: Sandbox) -> None:
    before = laid_out()
    outcome = box.run(READ, files=FILES)
    assert (outcome.status, outcome.value) == (Status.OK, SEEN)
    assert outcome.isolation.layers.keys() == box.run("ans = 1").isolation.layers.keys()
    assert asyncio.run(box.arun(READ, files=FILES)).value == SEEN
    assert [outcome.value for outcome in box.map([READ] * 5, files=FILES)] == [SEEN] * 5
    with box.session(files=FILES) as session:
        assert session.run(READ, returns="ans").value == SEEN
        assert session.run("print(open('data.csv').read())").stdout == "a,b\n1,2\n\n"
    assert laid_out() == before


def test_a_folder_is_copied_whatever_its_permissions(box: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "private"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "data.csv").write_text("a,b\n1,2\n")
    (folder / "deep" / "er" / "raw.bin").write_bytes(b"\x00\xff")
    os.chmod(folder / "data.csv", 0o600)
    os.chmod(folder, 0o700)
    assert box.run(READ, files=folder).value == SEEN
    assert box.run(READ, files=str(folder)).value == SEEN
    (folder / "out").symlink_to("/etc")
    with pytest.raises(SandboxError, match="out', which is neither a file nor a folder"):
        box.run(READ, files=folder)


def test_nothing_else_can_be_read_and_nothing_written(box: Sandbox) -> None:
    outcome = box.run(HOSTILE, files=FILES)
    assert (outcome.status, outcome.value) == (Status.OK, {})
    with box.session(files=FILES) as session:
        assert session.run(HOSTILE, returns="ans").value == {}
        assert session.run(READ, returns="ans").value == SEEN


def test_one_programs_files_are_none_of_anothers(box: Sandbox) -> None:
    with (
        box.session(files={"secret": "of the first"}) as first,
        box.session(files={"secret": "of the second"}) as second,
    ):
        place = first.run("import os\nplace = os.getcwd()", returns="place").value
        other = second.run("import os\nplace = os.getcwd()", returns="place").value
        assert place != other
        assert second.run("ans = open('secret').read()", returns="ans").value == "of the second"
        denied = second.run(f"ans = open({place + '/secret'!r}).read()", returns="ans")
        assert denied.error is not None
        assert "PermissionError" in denied.error
        assert box.run(f"ans = open({place + '/secret'!r}).read()").status is Status.ERROR
        assert first.run("ans = open('secret').read()", returns="ans").value == "of the first"
    missing = "ans = open('missing').read()"
    with box.session(files=FILES) as session:
        hints = {session.run(missing).hint, box.run(missing, files=FILES).hint, box.map([missing], files=FILES)[0].hint}
    assert len(hints) == 1
    assert "given files" in (hints.pop() or "")
    plain = box.run("import os\nans = os.getcwd()")
    assert plain.value == "/"


def test_a_program_that_is_killed_leaves_no_files(box: Sandbox) -> None:
    before = laid_out()
    outcomes = box.map(["while True: pass", "import os\nos._exit(3)"], limits=Limits(wall_s=0.3), files=FILES)
    assert [outcome.status for outcome in outcomes] == [Status.TIMEOUT, Status.EXITED]
    session = box.session(files=FILES)
    session.run("x = 1")
    assert len(laid_out()) == len(before) + 1
    session.run("import os\nos._exit(3)")
    assert laid_out() == before
    dropped = box.session(files=FILES)
    dropped.run("x = 1")
    del dropped
    assert laid_out() == before


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"../up": "x"}, "'../up', which is no relative path"),
        ({"/etc/x": "x"}, "'/etc/x', which is no relative path"),
        ({"": "x"}, "'', which is no relative path"),
        ({"a\0b": "x"}, "which is no relative path"),
        ({"folder/": "x"}, "'folder/', which is no relative path"),
        ({3: "x"}, "names 3, which is no relative path"),
        ({"a": 3}, "holds int as 'a', but must hold text or bytes"),
        ({"a": "x", "a/b": "y"}, "cannot be laid out"),
        ({"n" * 300: "x"}, "cannot be laid out"),
        ("no such folder", "'no such folder', which is no folder"),
    ],
)
def test_what_are_no_files_is_refused_and_leaves_nothing(box: Sandbox, files: object, says: str) -> None:
    before = laid_out()
    with pytest.raises(SandboxError, match=says):
        box.run(READ, files=files)  # type: ignore[arg-type]
    assert laid_out() == before


def test_too_much_is_refused(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.files.MOST_BYTES", 10)
    assert box.run("ans = open('a').read()", files={"a": "x" * 10}).value == "x" * 10
    with pytest.raises(SandboxError, match="more than 10 bytes"):
        box.run(READ, files={"a": "x" * 6, "b": "y" * 5})


def test_files_of_a_process_that_was_killed_are_removed_by_the_next(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom sandbox import Sandbox\n"
        "session = Sandbox(preload=(), parallel=1).session(files={'a': 'x'})\n"
        "assert session.run('x = 1').ok\nprint('ready', flush=True)\nsys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}

    def start() -> "subprocess.Popen[str]":
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen([sys.executable, "-c", program], env=environment, text=True, **pipes)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    with start() as killed, start() as living:
        assert len(list(tmp_path.glob("sandbox-files-*/*/a"))) == 2
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        with start() as third:
            assert len(list(tmp_path.glob("sandbox-files-*/*/a"))) == 2
            third.communicate()
        living.communicate()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_process_takes_for_one_left_behind_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process looks between the making of the folder and of its lock being held."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    real, looked = fcntl.flock, []

    def late(lock: int, flags: int) -> None:
        if not looked:
            looked.append(lock)
            _remove_stale()
        real(lock, flags)

    monkeypatch.setattr(fcntl, "flock", late)
    cabinet = Cabinet()
    folder = Path(cabinet.lay_out({"a": "x"}))
    assert looked
    assert (folder / "a").read_text() == "x"
    assert len(list(tmp_path.iterdir())) == 1
    cabinet.end()
    assert list(tmp_path.iterdir()) == []
