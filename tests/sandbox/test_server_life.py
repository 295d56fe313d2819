"""The life of a server: lost, worn, shared, forked; and what is left when it is over."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

import sandbox
from sandbox import Limits, Sandbox, Status
from sandbox.canary import examine
from sandbox.pool import POOL, Ticket
from sandbox.program import Program
from sandbox.server import Profile, Server

ROOT = Path(__file__).parents[2]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    sandbox.shutdown()
    yield Sandbox(preload=(), parallel=2)
    sandbox.shutdown()


def server_pid(box: Sandbox) -> int:
    """Process id of the server behind a handle, started if need be."""
    return box._station.ready()[0].pid


def gone(pid: int, patience: float = 10.0) -> bool:
    """Whether a process ends in time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or before it was read
            return True
        time.sleep(0.02)
    return False


def script(text: str, **settings: str) -> str:
    """What a program prints that uses the sandbox in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_handles_of_one_profile_share_a_server(box: Sandbox) -> None:
    first = server_pid(box)
    assert server_pid(Sandbox(preload=(), parallel=2, limits=Limits(wall_s=1))) == first
    assert server_pid(Sandbox(preload=(), parallel=2, level="minimal")) != first


def test_many_threads_wait_for_one_start(box: Sandbox) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(server_pid(box))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_warm_starts_the_server_off_the_callers_path(box: Sandbox) -> None:
    begun = time.monotonic()
    future = box.warm()
    waited = time.monotonic() - begun
    future.result(60)
    assert waited < (time.monotonic() - begun) / 2
    assert POOL.station(box._profile).server is not None


def test_a_killed_server_is_replaced(box: Sandbox) -> None:
    first = server_pid(box)
    os.kill(first, signal.SIGKILL)
    assert box.run("ans = 5").value == 5
    assert server_pid(box) != first
    assert gone(first)


def test_a_program_whose_server_is_killed_runs_again_on_another(box: Sandbox) -> None:
    first = server_pid(box)
    threading.Timer(0.3, os.kill, (first, signal.SIGKILL)).start()
    outcome = box.run("import time\ntime.sleep(0.8)\nans = 6")
    assert (outcome.status, outcome.value) == (Status.OK, 6)


def test_a_worn_server_gives_way_to_another(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.service.WORN", 12)
    first = server_pid(box)
    slow = threading.Thread(target=box.run, args=("import time\ntime.sleep(1)\nans = 1",))
    slow.start()
    assert all(outcome.ok for outcome in box.map(["ans = 1"] * 30))
    slow.join()
    assert gone(first)
    assert server_pid(box) != first


def test_a_program_called_off_before_it_began_leaves_the_server_to_the_others(box: Sandbox) -> None:
    first = server_pid(box)
    ticket = Ticket()
    ticket.cancel()
    box._station.run(Program("ans = 1", "ans"), Limits(), ticket)
    assert server_pid(box) == first
    assert box.run("ans = 8").value == 8


def test_a_server_that_is_lost_under_its_canary_is_one_sentence() -> None:
    server = Server(Profile("standard", (), (), 1))
    try:
        server.kill()
        assert gone(server.pid)
        with pytest.raises(sandbox.SandboxError, match=r"killed by signal 9.*memory"):
            examine(server)
    finally:
        server.close()


def test_a_caller_without_descriptors_to_spare_is_told_the_remedy_and_keeps_its_server() -> None:
    said = script(
        """
        import os, resource
        from sandbox import Sandbox, SandboxError
        box = Sandbox(preload=(), parallel=1)
        assert box.run("ans = 1").value == 1
        pid = box._station.ready()[0].pid
        before = len(os.listdir("/proc/self/fd"))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (before + 1, hard))
        try:
            box.run("ans = 2")
        except SandboxError as error:
            print(error)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        assert len(os.listdir("/proc/self/fd")) == before
        assert box.run("ans = 3").value == 3
        assert box._station.ready()[0].pid == pid
        """
    )
    assert "ulimit -n" in said


def test_a_python_that_does_not_start_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(sandbox.SandboxError, match="/no/such/python"):
        Server(Profile("standard", (), (), 1))


def test_shutdown_ends_the_servers_and_the_next_program_starts_another(box: Sandbox) -> None:
    first = server_pid(box)
    sandbox.shutdown()
    assert gone(first, patience=0.1)
    assert box.run("ans = 7").value == 7


def test_nothing_is_left_when_the_caller_ends() -> None:
    pid = int(
        script(
            """
            from sandbox import Sandbox
            with Sandbox(preload=()) as box:
                assert box.run("ans = 1").value == 1
                print(box._station.ready()[0].pid)
            """
        )
    )
    assert gone(pid)


def test_a_fork_of_the_caller_gets_a_server_of_its_own() -> None:
    said = script(
        """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads is what is tried here
        from sandbox import Sandbox
        box = Sandbox(preload=(), parallel=2)
        mine = box._station.ready()[0].pid
        child = os.fork()
        if not child:
            ok = [outcome.value for outcome in box.map(["ans = 1"] * 4)] == [1] * 4
            theirs = box._station.ready()[0].pid
            import sandbox
            sandbox.shutdown()
            os._exit(0 if ok and theirs != mine else 1)
        values = [box.run("ans = 2").value for _ in range(20)]
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert values == [2] * 20
        assert box._station.ready()[0].pid == mine
        print("fine")
        """
    )
    assert said == "fine\n"


def test_a_fork_does_not_keep_the_callers_server_alive() -> None:
    said = script(
        """
        import os, sys, time
        from sandbox import Sandbox
        box = Sandbox(preload=())
        print(box._station.ready()[0].pid, flush=True)
        child = os.fork()
        if not child:
            sys.stdout.close()
            os.close(1)
            os.close(2)
            time.sleep(30)
            os._exit(0)
        print(child, flush=True)
        os._exit(0)
        """
    )
    server, fork = map(int, said.split())
    try:
        assert gone(server)
    finally:
        os.kill(fork, signal.SIGKILL)


def test_the_server_has_no_secret_of_its_caller() -> None:
    said = script(
        """
        from sandbox import Sandbox
        pid = Sandbox(preload=())._station.ready()[0].pid
        print(open(f"/proc/{pid}/environ").read(), open(f"/proc/{pid}/cmdline").read())
        """,
        OPENAI_API_KEY="sk-secret",
    )
    assert "secret" not in said
    assert "OPENBLAS_NUM_THREADS=1" in said


def test_descriptors_and_processes_stay_as_they_are(box: Sandbox) -> None:
    box.map(["ans = 1"] * 20)
    before = len(os.listdir("/proc/self/fd"))
    box.map(["ans = 1", "import os; os._exit(1)", "1/0", "while True: print('x' * 999)"] * 10)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("level", ["standard", "strict"])
def test_works_from_a_private_folder_with_spaces_in_its_name(tmp_path: Path, level: str) -> None:
    home = tmp_path / "private home" / "my env"
    home.parent.mkdir(mode=0o700)
    venv.create(home, with_pip=False, symlinks=True)
    packages = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    done = subprocess.run(
        [
            home / "bin" / "python",
            "-c",
            "import sys, sandbox\n"
            "try:\n"
            f"    box = sandbox.Sandbox(level={level!r}, preload=('numpy',))\n"
            "    outcome = box.run('import numpy, colorsys, ctypes, sqlite3\\nans = numpy.arange(3).sum()')\n"
            "    print(outcome.value, sys.prefix)\n"
            "except sandbox.LevelError as error:\n"
            "    print('SKIP', error)\n",
        ],
        env={"PYTHONPATH": f"{ROOT}:{packages}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.stdout.startswith("SKIP"):
        pytest.skip(done.stdout)
    assert done.stdout == f"3 {home}\n", done.stderr


def test_preloads_what_lies_in_a_target_folder(tmp_path: Path) -> None:
    target = tmp_path / "a target"
    (target / "ours_alone").mkdir(parents=True)
    (target / "ours_alone" / "__init__.py").write_text("value = 41\n")
    (target / "ours_alone" / "later.py").write_text("value = 42\n")
    (target / "secret.txt").write_text("secret")
    said = script(
        f"""
        from sandbox import Sandbox
        box = Sandbox(preload=("ours_alone",))
        print(box.run("import ours_alone.later\\nans = ours_alone.later.value").value)
        print(box.run("ans = open({str(target / "secret.txt")!r}).read()").status)
        """,
        PYTHONPATH=f"{ROOT}:{target}",
    )
    assert said == "42\nerror\n"
