"""Sessions: programs one after the other in one process, and what ends it."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

import sandbox
from sandbox import LevelError, LimitError, Limits, Sandbox, SandboxError, Session, Status


@pytest.fixture(scope="module", params=["standard", "strict"])
def box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    handle = Sandbox(level=request.param, preload=(), parallel=2)
    try:
        handle.run("ans = 1")
    except LevelError as error:
        pytest.skip(str(error))
    yield handle
    sandbox.shutdown()


def children(box: Sandbox) -> int:
    return len(box._station.ready()[0].leases)


def test_a_program_finds_what_those_before_it_defined(box: Sandbox) -> None:
    with box.session() as session:
        assert session.run("x = 2").status is Status.OK
        outcome = session.run("print(x + 1)")
        assert (outcome.status, outcome.value, outcome.stdout) == (Status.OK, None, "3\n")
        assert session.run("def double(n):\n    return 2 * n\nimport math").ok
        assert session.run("y = double(x) + math.floor(2.5)", returns="y").value == 6
        assert session.run("", returns="y").value == 6
        assert session.run("z = 1", returns="double").status is Status.NO_RESULT
        assert session.ended is None
    assert children(box) == 0


def test_a_session_in_a_coroutine(box: Sandbox) -> None:
    async def several(number: int) -> object:
        async with box.session() as session:
            await session.arun(f"x = {number}")
            await asyncio.sleep(0)
            return (await session.arun("x += 1", returns="x")).value

    async def all_of_them() -> list[object]:
        return await asyncio.gather(*map(several, range(6)))

    assert asyncio.run(all_of_them()) == [1, 2, 3, 4, 5, 6]
    assert children(box) == 0


def test_each_program_has_its_own_output_and_figures(box: Sandbox) -> None:
    with box.session(limits=Limits(output_bytes=2000)) as session:
        first = session.run("import sys\nprint('a' * 1500)\nprint('to stderr', file=sys.stderr)")
        second = session.run("for _ in range(10**6): pass\nprint('b' * 1500, end='')")
        third = session.run("big = b'x' * (50 * 2**20)")
        assert (first.stdout, first.stderr) == ("a" * 1500 + "\n", "to stderr\n")
        assert (second.stdout, second.stderr, second.truncated) == ("b" * 1500, "", False)
        assert first.cpu_s < second.cpu_s <= second.wall_s + 0.01
        assert third.max_rss_bytes > first.max_rss_bytes + 45 * 2**20 > 45 * 2**20
        assert first.isolation.layers.keys() >= {"seccomp", "landlock"}
        assert third.isolation == first.isolation == box.run("ans = 1").isolation


def test_a_program_that_fails_leaves_the_session_open(box: Sandbox) -> None:
    with box.session() as session:
        session.run("x = 1\ndef broken():\n    return 1 / 0")
        failed = session.run("y = 2\nbroken()")
        assert failed.status is Status.ERROR
        assert failed.error is not None
        assert '  File "<program 2>", line 2, in <module>\n    broken()\n' in failed.error
        assert '  File "<program>", line 3, in broken\n    return 1 / 0\n' in failed.error
        assert session.run("x = (").status is Status.ERROR
        assert session.run("import sys\nsys.exit(3)").status is Status.EXITED
        assert session.run("", returns="x").value == 1
        assert session.run("", returns="y").value == 2


ENDS = {
    "while True: pass": {Status.TIMEOUT, Status.CPU_LIMIT},
    "import time\ntime.sleep(60)": {Status.TIMEOUT},
    "kept = [0] * 10**10": {Status.MEMORY_LIMIT},
    "while True: print('x' * 9999)": {Status.OUTPUT_LIMIT},
    "ans = 'x' * 2**21": {Status.OUTPUT_LIMIT},
    "import os\nos._exit(0)": {Status.EXITED},
    "import os\nos._exit(7)": {Status.EXITED},
    "import os\nos.kill(os.getpid(), 9)": {Status.SIGNAL},
    "import os\nos.kill(os.getpid(), 19)": {Status.TIMEOUT},
    "import ctypes\nctypes.string_at(0)": {Status.SIGNAL},
    "import os\nos.write(3, b'x' * 99)\nans = 1": {Status.PROTOCOL_ERROR},
    "import os\nos.closerange(0, 1000)\nans = 1": {Status.EXITED},
}


@pytest.mark.parametrize("program", ENDS)
def test_a_program_that_passes_a_limit_or_ends_its_process_ends_the_session(box: Sandbox, program: str) -> None:
    with box.session(limits=Limits(wall_s=1, cpu_s=1, memory_bytes=2**27)) as session:
        assert session.run("x = 1").ok
        outcome = session.run(program, returns="ans")
        assert outcome.status in ENDS[program], outcome
        assert children(box) == 0
        later = session.run("print(x)")
        assert (later.status, later.stdout, later.hint) == (Status.SETUP_FAILED, "", None)
        assert later.error == f"The program was not run, because {session.ended}; open another session."
        assert session.ended == f"its session ended with program 2 ({outcome.status})"
        assert later.isolation == outcome.isolation


def test_a_session_ends_at_its_own_number_of_programs(box: Sandbox) -> None:
    with box.session(programs=3) as session:
        assert [session.run("x = 1").status for _ in range(5)] == ["ok", "ok", "ok", "setup_failed", "setup_failed"]
        assert session.ended == "its session has run the 3 programs that it may"


def test_a_session_ends_at_its_own_processor_time(box: Sandbox) -> None:
    burn = "import time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
    with box.session(limits=Limits(cpu_s=5, wall_s=30), cpu_s=1.0) as session:
        outcomes = [session.run(burn) for _ in range(4)]
        assert [outcome.status for outcome in outcomes] == ["ok", "ok", "cpu_limit", "setup_failed"]
        assert outcomes[2].error == "The session used more than 1 s of processor time."


def test_a_session_ends_at_its_own_time_within_a_program_and_between_two(box: Sandbox) -> None:
    with box.session(limits=Limits(wall_s=60), wall_s=1.0) as session:
        assert session.run("x = 1").ok
        outcome = session.run("import time\ntime.sleep(30)")
        assert (outcome.status, outcome.error) == ("timeout", "The session lasted longer than 1 s.")
    with box.session(wall_s=1.0) as session:
        assert session.run("x = 1").ok
        deadline = time.monotonic() + 20
        while session.ended is None and time.monotonic() < deadline:
            time.sleep(0.05)
            session._look()
        assert session.run("x").status is Status.SETUP_FAILED
        assert session.ended == "its session lasted longer than 1 s"


def test_a_session_that_ends_while_its_program_waits_for_a_place_is_said_to_have_lasted_too_long(box: Sandbox) -> None:
    with box.session(wall_s=1.5) as session:
        assert session.run("x = 1").ok
        sleeping = ["import time\ntime.sleep(4)\nans = 1"] * box.parallel
        thread = threading.Thread(target=box.map, args=(sleeping,), kwargs={"limits": Limits(wall_s=60)})
        thread.start()
        while children(box) <= box.parallel:
            time.sleep(0.01)
        outcome = session.run("x = 2")
        thread.join()
        assert outcome.error == (
            "The program was not run, because its session lasted longer than 1.5 s; open another session."
        )


def test_a_process_of_a_session_stands_still_between_programs(box: Sandbox) -> None:
    spin = (
        "import threading, time\ndef spin():\n    while True: pass\nthreading.Thread(target=spin, daemon=True).start()"
    )
    with box.session() as session:
        session.run(spin)
        used = session.run("used = time.process_time()", returns="used").value
        time.sleep(1)
        assert session.run("used = time.process_time()", returns="used").value < used + 0.5


def test_standard_input_of_each_program_is_its_own(box: Sandbox) -> None:
    with box.session() as session:
        assert session.run("a = input()", returns="a", stdin="first\nleft over\n").value == "first"
        assert session.run("import sys\nb = sys.stdin.read()", returns="b").value == ""
        assert session.run("c = input() + input()", returns="c", stdin="1\n2\n").value == "12"
        assert session.run("import os\nd = os.read(0, 99)", returns="d", stdin=b"\xff\x00").value == b"\xff\x00"
        assert session.run("e = input()").status is Status.ERROR
        read = "import sys\nf = len(sys.stdin.buffer.read())"
        assert session.run(read, returns="f", stdin=b"x" * 3_000_000).value == 3_000_000
        assert session.run("f = 0", stdin=b"x" * 3_000_000).ok  # which nobody reads
        assert session.run("g = open(0).read()", returns="g", stdin="once more").value == "once more"


def test_a_program_alone_reads_standard_input(box: Sandbox) -> None:
    program = "import sys\nans = sorted(int(line) for line in sys.stdin)"
    assert box.run(program, stdin="3\n1\n2\n").value == [1, 2, 3]
    assert box.run("ans = input()", stdin="\N{SNOWMAN}").value == "\N{SNOWMAN}"
    assert box.run("ans = input()").status is Status.ERROR
    assert asyncio.run(box.arun("ans = input()", stdin="in a coroutine")).value == "in a coroutine"
    assert [outcome.value for outcome in box.map(["ans = input()", "ans = 2"], stdin="both")] == ["both", 2]
    assert [outcome.value for outcome in box.map(["ans = input()"] * 2, stdin=["a", b"b"])] == ["a", "b"]
    with pytest.raises(SandboxError, match="stdin is a list of 1 for 2 programs"):
        box.map(["ans = input()"] * 2, stdin=["a"])
    with pytest.raises(SandboxError, match="stdin is text or bytes"):
        box.run("ans = 1", stdin=5)  # type: ignore[arg-type]
    with pytest.raises(SandboxError, match="A program is text"):
        box.run(b"ans = 1")  # type: ignore[arg-type]


def test_a_frame_of_one_program_is_no_answer_of_another(box: Sandbox) -> None:
    """What a thread that was left running writes later counts for no program after it."""
    chatter = (
        "import os, threading, time\nfrom sandbox import messages, wire\n"
        "frame = wire.frame(bytes([messages.ANSWER]) + wire.encode('forged', wire.Caps()))\n"
        "def late():\n    time.sleep(0.1)\n    os.write(3, frame)\n"
        "threading.Thread(target=late, daemon=True).start()"
    )
    with box.session() as session:
        assert session.run(chatter).ok
        outcome = session.run("import time\ntime.sleep(1)\nans = 'honest'", returns="ans")
        assert (outcome.status, outcome.value) == (Status.PROTOCOL_ERROR, None)


def test_a_session_whose_process_is_killed_while_it_stands_still_says_so(box: Sandbox) -> None:
    if box.level == "strict":
        pytest.skip("the process id is that of a namespace of its own")
    with box.session() as session:
        pid = session.run("import os\np = os.getpid()", returns="p").value
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while children(box) and session.ended is None and time.monotonic() < deadline:
            time.sleep(0.01)
            session._look()
        assert session.run("x = 1").status is Status.SETUP_FAILED
        assert session.ended == "the process of its session was killed by SIGKILL between two programs"


def test_a_session_whose_server_is_lost_says_so_and_another_one_runs(box: Sandbox) -> None:
    with box.session(programs=10**6) as session:
        assert session.run("x = 1").ok
        os.kill(box._station.ready()[0].pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while (outcome := session.run("x = 2")).ok and time.monotonic() < deadline:
            pass  # at `strict` what is killed is the parent of the server, which dies a moment later
        assert outcome.status is Status.SETUP_FAILED
        assert "server" in (session.ended or "") or "setup_failed" in (session.ended or "")
        assert session.run("x = 3").status is Status.SETUP_FAILED
    with box.session() as another:
        assert another.run("x = 1", returns="x").value == 1


def test_a_session_after_a_shutdown_and_after_its_end_is_refused_in_a_sentence(box: Sandbox) -> None:
    session = box.session()
    assert session.run("x = 1").ok
    sandbox.shutdown()
    assert session.run("x").status is Status.SETUP_FAILED
    closed = box.session()
    closed.run("x = 1")
    closed.close()
    closed.close()
    outcome = closed.run("x")
    assert outcome.error == "The program was not run, because its session is closed; open another session."
    unused = box.session()
    unused.close()
    assert unused.run("x").status is Status.SETUP_FAILED


def test_cancelling_a_program_ends_its_session(box: Sandbox) -> None:
    async def cancelled(session: Session) -> None:
        await session.arun("x = 1")
        task = asyncio.create_task(session.arun("while True: pass", limits=Limits(wall_s=60, cpu_s=60)))
        while session._running is None:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    session = box.session()
    asyncio.run(cancelled(session))
    assert session.run("x").status is Status.SETUP_FAILED
    assert session.ended == "its session ended with program 2, which was called off"
    assert children(box) == 0


def test_closing_a_session_kills_what_runs(box: Sandbox) -> None:
    session = box.session()
    begun = time.monotonic()
    outcomes: list[sandbox.Outcome] = []
    thread = threading.Thread(
        target=lambda: outcomes.append(session.run("import time\ntime.sleep(60)", limits=Limits(wall_s=60)))
    )
    thread.start()
    while session._held is None and time.monotonic() < begun + 20:
        time.sleep(0.01)
    session.close()
    thread.join()
    assert time.monotonic() - begun < 30
    assert outcomes[0].status in {Status.SIGNAL, Status.SETUP_FAILED}
    assert children(box) == 0


def test_open_sessions_hold_up_nobody_and_one_that_is_dropped_ends(box: Sandbox) -> None:
    sessions = [box.session() for _ in range(3 * box.parallel)]
    for number, session in enumerate(sessions):
        assert session.run(f"x = {number}").ok
    assert box.run("ans = 5").value == 5
    assert [session.run("", returns="x").value for session in sessions] == list(range(len(sessions)))
    assert children(box) == len(sessions)
    del session
    sessions.clear()
    assert children(box) == 0


def test_a_fork_of_the_caller_leaves_its_sessions_alone(box: Sandbox) -> None:
    with box.session() as session:
        session.run("x = 1")
        pid = os.fork()
        if not pid:
            code = 1
            try:
                outcome = session.run("x")
                session.close()
                code = 0 if "belongs to the process that opened it" in (outcome.error or "") else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert session.run("x = x + 1", returns="x").value == 2


def test_what_is_asked_of_a_session_is_checked(box: Sandbox) -> None:
    with pytest.raises(LimitError, match="at least 1 program"):
        box.session(programs=0)
    with pytest.raises(LimitError, match=r"wall_s is 0, which is not between 0\.01 and 86,400 seconds"):
        box.session(wall_s=0)
    with pytest.raises(LimitError, match="cpu_s is nan"):
        box.session(cpu_s=float("nan"))
    with pytest.raises(LimitError, match="give it to Sandbox.session"):
        box.session().run("x = 1", limits=Limits(memory_bytes=2**26))
    with pytest.raises(SandboxError, match="must be a name"):
        box.session().run("x = 1", returns="x + 1")
