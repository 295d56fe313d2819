"""Run n + 1 sees nothing of run n, nor of what runs beside it."""

import pytest

from sandbox import LevelError, Limits, Sandbox


@pytest.fixture(params=["standard", "strict"])
def box(request: pytest.FixtureRequest) -> Sandbox:
    sandbox = Sandbox(level=request.param, preload=("numpy",), parallel=2, limits=Limits(wall_s=20, cpu_s=20))
    try:
        sandbox.run("ans = 1")
    except LevelError as error:
        pytest.skip(str(error))
    return sandbox


SPOIL = """
import builtins, decimal, json, math, os, random, signal, sys, threading, warnings
import numpy
secret = "what run n knew"
def solution(): return "the previous answer"
builtins.leaked = builtins.print = builtins.sorted = secret
math.pi = 3
math.leaked = json.dumps = numpy.array = secret
sys.modules["leaked"] = sys.modules["fractions"] = math
sys.path.insert(0, "/tmp")
sys.argv.append(secret)
sys.setrecursionlimit(77)
os.environ["LEAKED"] = secret
os.umask(0)
random.seed(1)
numpy.random.seed(1)
numpy.seterr(all="raise")
decimal.getcontext().prec = 3
warnings.simplefilter("error")
signal.signal(signal.SIGINT, signal.SIG_IGN)
threading.leaked = secret
sys.stdout.leaked = secret
import linecache; linecache.cache["leaked"] = (1, None, [secret], "leaked")
ans = solution()
"""

LOOK = """
import builtins, decimal, fractions, json, linecache, math, os, random, signal, sys, threading, warnings
import numpy
ans = {
    "globals": sorted(name for name in globals() if name in ("secret", "solution", "leaked")),
    "builtins": hasattr(builtins, "leaked") or not callable(print) or not callable(sorted),
    "math": math.pi == 3 or hasattr(math, "leaked"),
    "patched": json.dumps([1]) != "[1]" or fractions.__name__ != "fractions" or numpy.array([1]).sum() != 1,
    "modules": "leaked" in sys.modules or "/tmp" in sys.path or len(sys.argv) > 1,
    "recursion": sys.getrecursionlimit() == 77,
    "environ": "LEAKED" in os.environ,
    "umask": os.umask(0o22) == 0,
    "decimal": decimal.getcontext().prec == 3,
    "numpy": numpy.geterr()["divide"] == "raise",
    "warnings": ("error", None, Warning, None, 0) in warnings.filters,
    "signal": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
    "others": hasattr(threading, "leaked") or hasattr(sys.stdout, "leaked") or "leaked" in linecache.cache,
}
"""


def test_no_program_sees_what_the_one_before_left(box: Sandbox) -> None:
    untouched = box.run(LOOK).value
    assert not any(untouched.values()), untouched
    for _ in range(4):
        assert box.run(SPOIL).value == "the previous answer"
        assert box.run(LOOK).value == untouched


def test_a_program_that_defines_nothing_answers_nothing(box: Sandbox) -> None:
    assert box.run("def solution(): return 42", returns="solution()").value == 42
    for _ in range(4):
        outcome = box.run("x = 1", returns="solution()")
        assert (outcome.status, outcome.value) == ("no_result", None)


def test_no_two_programs_draw_the_same_random_numbers(box: Sandbox) -> None:
    program = "import os, random, numpy\nans = (random.random(), numpy.random.random(), os.urandom(8))"
    drawn = [outcome.value for outcome in box.map([program] * 12)]
    for column in zip(*drawn, strict=True):
        assert len(set(column)) == 12


def test_seeded_numbers_are_the_same_in_every_program(box: Sandbox) -> None:
    program = (
        "import random, numpy\nrandom.seed(7)\nnumpy.random.seed(7)\nans = (random.random(), numpy.random.random())"
    )
    assert len({outcome.value for outcome in box.map([program] * 6)}) == 1


def test_no_trace_of_an_earlier_program_is_in_memory(box: Sandbox) -> None:
    box.run("import gc\nsecret = 'the colour of run n' * 1000\nans = 1")
    program = """
import gc
word = " ".join(["the", "colour", "of", "run", "n"])
def parts(thing): return thing.values() if isinstance(thing, dict) else thing
things = [thing for thing in gc.get_objects() if isinstance(thing, (dict, list, tuple)) and thing is not globals()]
ans = [repr(thing)[:99] for thing in things if any(isinstance(part, str) and word in part for part in parts(thing))]
"""
    assert box.run(program).value == []


def test_honest_programs_are_not_disturbed_by_hostile_ones_beside_them(box: Sandbox) -> None:
    hostile = [
        "while True: pass",
        "kept = []\nwhile True: kept.append(bytearray(2 ** 24))",
        "while True: print('x' * 1000)",
        "import os\nos.kill(-1, 0)\nos.kill(os.getppid(), 9)",
        "import os\nwhile True:\n try: os.fork()\n except OSError: pass",
        "import threading, time\nthreading.stack_size(32768)\n"
        "while True:\n try: threading.Thread(target=time.sleep, args=(9,)).start()\n"
        " except RuntimeError: pass",
    ]
    programs = [
        f"import os\nans = {index} ** 2" if index % 3 else hostile[index // 3 % len(hostile)] for index in range(36)
    ]
    outcomes = box.map(programs, limits=Limits(wall_s=1, cpu_s=1, memory_bytes=2**27, output_bytes=2**16))
    for index, outcome in enumerate(outcomes):
        assert (outcome.status == "ok") == bool(index % 3), (programs[index], outcome)
        assert outcome.value == (index**2 if index % 3 else None)


def test_a_program_that_takes_all_threads_takes_no_process_from_others(box: Sandbox) -> None:
    bomb = """
import threading, time
threading.stack_size(32768)
ans, end = 0, time.monotonic() + 1.5
while time.monotonic() < end:
    try:
        threading.Thread(target=time.sleep, args=(3,), daemon=True).start()
        ans += 1
    except RuntimeError:
        time.sleep(0.001)
"""
    outcomes = box.map([bomb] + ["import os\nans = 1"] * 150, limits=Limits(wall_s=10, cpu_s=10, memory_bytes=2**34))
    assert (outcomes[0].status, outcomes[0].value > 500) == ("ok", True)
    assert {outcome.status for outcome in outcomes[1:]} == {"ok"}
