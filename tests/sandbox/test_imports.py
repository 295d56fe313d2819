"""Which programs do without the preloaded packages, and that they cannot tell."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import sandbox
from sandbox import Limits, Outcome, Sandbox
from sandbox.imports import does_without_preload

WITHOUT = [
    "ans = 2 + 2",
    "",
    "import math\nans = math.pi",
    "import math, re as regex, collections.abc",
    "from fractions import Fraction\nfrom math import (sqrt,\n    floor)",
    "def f():\n    import itertools  # we import what we need\n    return 1",
    "# the import duty, in __import__ and importlib\nimportant = imported_goods = reimport = 3",
]
WITH = [
    "import numpy as np",
    "import math\nimport numpy",
    "import math, numpy",
    "import math; import numpy",
    "x = '#'; import numpy",
    "import math as m, sympy",
    "from sympy import *",
    "from math import sqrt; import sympy",
    "import math\rimport numpy",
    "import \\\n  numpy",
    "from . import numpy",
    "import sys",
    "ans = __import__('numpy').pi",
    "import importlib",
    "from math import pi as import_module; x = __import__('numpy')",
    "exec('import numpy')",
    "if True: import numpy",
    "import",
    "x = 3  # import duty",
    "ans = 1\n" * 20_000,
]


@pytest.mark.parametrize("source", WITHOUT)
def test_what_imports_little_does_without(source: str) -> None:
    assert does_without_preload(source)


@pytest.mark.parametrize("source", WITH, ids=lambda source: repr(source[:40]))
def test_what_may_import_more_does_not(source: str) -> None:
    assert not does_without_preload(source)


@pytest.mark.parametrize(
    "text", ["import ", "import\t,", "_import_", "importimport", " \n", "#import\n", "from math import\r", "a."]
)
def test_any_text_is_read_in_a_moment(text: str) -> None:
    begun = time.process_time()
    for size in (60_000, 1_000_000):
        does_without_preload(text * (size // len(text)))
    assert time.process_time() - begun < 0.5


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    pytest.importorskip("numpy")
    sandbox.shutdown()
    yield Sandbox(preload=("numpy",), parallel=2, limits=Limits(wall_s=20, cpu_s=20))
    sandbox.shutdown()


def test_the_preloaded_server_starts_for_those_that_need_it(box: Sandbox) -> None:
    station = box._station
    assert station.bare is not None
    assert box.run("import math\nans = math.floor(2.5)").value == 2
    assert (station.plain.server, station.bare.server is None) == (None, False)
    assert box.run("import numpy\nans = numpy.arange(3).sum()").value == 3
    assert station.plain.server is not None
    assert Sandbox(preload=())._station.bare is None
    assert Sandbox(preload=("numpy", "pydantic"))._station.bare is None  # nobody knows what a program would feel of it
    assert len(station.services()) == 2


def test_a_session_has_the_preloaded_packages_whatever_its_first_program_imports(box: Sandbox) -> None:
    with box.session() as session:
        session.run("x = 2")
        assert session.run("import sys\nloaded = 'numpy' in sys.modules", returns="loaded").value is True


@pytest.mark.parametrize(
    "program",
    [
        "ans = 7 / 2",
        "ans = 10 ** 5000",
        "ans = str(10 ** 5000)",
        "ans = 1 / 0",
        "ans = np.array([1])",
        "ans = Symbol('x')",
        "import math\nans = (math.nan, math.inf, -0.0, 0.1 + 0.2)",
        "from decimal import Decimal, getcontext\nans = (Decimal(1) / 3, getcontext().prec)",
        "def f(n): return f(n + 1)\nans = f(0)",
        "import random\nrandom.seed(3)\nans = random.random()",
        "import math\nprint(math.pi)\nans = {1: (2, 3), 'a': {4}}",
        "import math\nans = [k for k in dir(math)]",
        "x = (",
        "pass",
        "class A:\n    def __repr__(self): raise ValueError\nans = A()",
        "exit()",
    ],
)
def test_no_program_can_tell_which_server_it_runs_on(box: Sandbox, program: str) -> None:
    def seen(outcome: Outcome) -> tuple[object, ...]:
        fields = outcome.model_dump(mode="json")
        return tuple(fields[name] for name in ("status", "value", "error", "hint", "stdout", "stderr", "truncated"))

    assert does_without_preload(program)
    assert seen(box.run(program)) == seen(_on_the_preloaded(box, program))


def _on_the_preloaded(box: Sandbox, program: str) -> Outcome:
    with box.session() as session:
        return session.run(program, returns="ans")


def test_both_servers_share_the_programs_that_may_run_at_once(box: Sandbox) -> None:
    """Programs of both kinds, as many as there are slots: no third one starts while they run."""
    station = box._station
    box.warm().result()
    sleepers = ["import time\ntime.sleep(1)\nans = 1", "import time, numpy\ntime.sleep(1)\nans = 1"]
    with ThreadPoolExecutor(6) as threads:
        futures = [threads.submit(box.run, sleepers[index % 2]) for index in range(6)]
        most = 0
        while not all(future.done() for future in futures):
            most = max(most, sum(len(service.ready()[0].leases) for service in station.services()))
            time.sleep(0.01)
    assert [future.result().value for future in futures] == [1] * 6
    assert most == box.parallel


def test_no_program_waits_for_packages_that_it_does_not_import() -> None:
    """The preloaded server is on its way, and one program at a time may run."""
    sandbox.shutdown()
    alone = Sandbox(preload=("numpy",), parallel=1)
    up = alone.warm()
    held = alone._station.plain._lock
    with held:  # so it cannot be up before this has run
        assert asyncio.run(alone.arun("ans = 1")).value == 1
        assert [outcome.value for outcome in alone.map(["ans = 2"] * 3)] == [2] * 3
        assert not up.done()
    up.result(60)
    sandbox.shutdown()
