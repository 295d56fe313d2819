"""Formulas get a canonical key from a worker process that can be killed."""

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from reasoning.answer import Expression, Formula
from reasoning.answer.expression import worker
from reasoning.errors import MissingPackageError
from reasoning.worker import Allowance, Worker
from sandbox.wire import Array, Symbolic

pytestmark = pytest.mark.skipif(importlib.util.find_spec("math_verify") is None, reason="math-verify is not installed")
EXPRESSION = Expression(seconds=20)  # the machine that runs this may be busy


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (r"\frac{1}{2}", "0.5"),
        (r"\frac12", "1/2"),
        ("x^2+2x+1", "(x+1)^2"),
        ("x**2 + 1", "x^2+1"),
        (r"2\sqrt{2}", r"\sqrt{8}"),
        (r"\frac{1}{\sqrt{3}}", "sqrt(3)/3"),
        (r"\dfrac{3\sqrt{3}}{2}", "sqrt(27)/2"),
        (r"\sin^2 x+\cos^2 x", "1"),
        (r"\frac{x}{x+1}", r"1-\frac{1}{x+1}"),
        (r"\sqrt{2}x", "x*sqrt(2)"),
        (r"e^{x}", "exp(x)"),
        (r"\ln 2", "log(2)"),
        (r"|x|", "Abs(x)"),
        (r"|x-1|\sqrt{2}", r"\sqrt{2}|1-x|"),
        (r"\sqrt{2x^2y^2}", r"|xy|\sqrt{2}"),
        (r"\sqrt{y^3}", r"y\sqrt{y}"),
        (r"\sqrt{ab}", r"\sqrt{a}\sqrt{b}"),
        (r"\ln(xy)", r"\ln x+\ln y"),
        (r"x+2i\sqrt{2}", r"2\sqrt{2}i+x"),
        ("1+2i", "2*I+1"),
        (r"\pi", "pi"),
        (r"\infty", "oo"),
        ("x=5", "5"),
        ("2x+3y=6", "4x+6y=12"),
        (r"x \le 3", r"3 \ge x"),
        (r"\{1,2\}", "2,1"),
        (r"x \in [0,1]", "[0,1]"),
        (r"(-\infty, 3]\cup(5,\infty)", r"(5,\infty) \cup (-\infty,3]"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", "Matrix([[1], [2]])"),
        (r"\binom{5}{2}", "10"),
        (r"5\%", "0.05"),
        (r"\$18", "18"),
        (r"3\text{ cm}", "3"),
        (r"90^\circ", "90"),
        ("1,000", "1000"),
        ("3 1/2", "7/2"),
        (r"10^{10}", "10**10"),
        (r"\text{Monday}", r"\text{monday}"),
        (r"$\frac{3}{4}$", r"\boxed{\frac{3}{4}}"),
    ],
)
def test_same(a: str, b: str) -> None:
    assert EXPRESSION.key(_parse(a)) == EXPRESSION.key(_parse(b))
    assert EXPRESSION.equal(_parse(a), _parse(b))
    assert EXPRESSION.parse(EXPRESSION.text(_parse(a))) == _parse(a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("x", "y"),
        ("0.333", "1/3"),
        (r"\sqrt{x^2}", "x"),
        (r"|x|\sqrt{2}", r"x\sqrt{2}"),
        (r"|ab|\sqrt{2}", r"ab\sqrt{2}"),
        (r"|a+b|\sqrt{2}", r"(a+b)\sqrt{2}"),
        (r"\sqrt{x}", r"\sqrt{-x}"),
        (r"\sqrt{2}x", r"\sqrt{2}y"),
        ("[0,1)", "(0,1)"),
        ("x<3", "x>3"),
        ("xy", "x+y"),
        ("1,2", "1,3"),
    ],
)
def test_different(a: str, b: str) -> None:
    assert not EXPRESSION.equal(_parse(a), _parse(b))


@pytest.mark.parametrize(
    ("text", "formula", "rule"),
    [
        (r"So the final answer is $\boxed{\frac{\sqrt{3}}{3}}$.", r"\frac{\sqrt{3}}{3}", "boxed"),
        ("The answer is $x^2+1$. I hope", "x^2+1", "answer is"),
        ("The answer is 2*sqrt(3).", "2*sqrt(3)", "answer is"),
        ("The answer is 18 dollars.", "18", "answer is"),
        ("#### 5", "5", "####"),
        ("So $y = 2x = 6$", "6", "last formula"),
        ("So x is $5$ and y is $7$", "7", "last formula"),
        ("That makes 18 of them", "18", "conclusion"),
    ],
)
def test_extract(text: str, formula: str, rule: str) -> None:
    found = EXPRESSION.extract(text)
    assert found is not None
    assert (str(found.answer), found.rule) == (formula, rule)
    assert text[slice(*found.span)] == formula
    assert EXPRESSION.parse(formula) == found.answer


@pytest.mark.parametrize("text", ["", "hello world", "The answer is clear.", r"\boxed{}", "$$", "x" * 100_000])
def test_extract_nothing(text: str) -> None:
    assert EXPRESSION.extract(text) is None


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (18, "18"),
        (0.5, "1/2"),
        (Fraction(1, 3), "1/3"),
        (complex(1, 2), "1 + 2*I"),
        (Decimal("0.50"), "1/2"),
        ([1, 2], "{1, 2}"),
        ([3], "3"),
        (Symbolic("Mul(Rational(1, 2), Pow(Integer(3), Rational(1, 2)))", "sqrt(3)/2"), "0.866025403784"),
        (Symbolic("Add(Pow(Symbol('x'), Integer(2)), Integer(1))", "x**2 + 1"), "x**2 + 1"),
        (Array("|i1", (2,), b"\x01\x02"), "{1, 2}"),
    ],
)
def test_parse_values_of_programs(value: object, key: str) -> None:
    assert _parse(value).key == key


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        [],
        b"1",
        float("nan"),
        complex("nan+1j"),
        complex("1+infj"),
        Decimal("NaN"),
        "__import__('os').getcwd()",
        "lambda: 1",
        pytest.param(10**5000, id="too long"),
        pytest.param([Fraction(1, 10**5000)], id="a fraction too long"),
    ],
)
def test_parse_nothing(value: object) -> None:
    assert EXPRESSION.parse(value) is None


def test_what_overruns_is_killed_and_the_next_one_works(caplog: pytest.LogCaptureFixture) -> None:
    _parse(r"\sqrt{5}")
    before = worker().pid
    hasty = Expression(seconds=0.5)
    started = time.monotonic()
    assert hasty.parse("10**10**10 + x") is None
    assert time.monotonic() - started < 10
    assert "no canonical form within 0.5 s" in caplog.text
    assert before is not None
    assert not _alive(before)
    assert _parse(r"\sqrt{7}").key == "2.64575131106"
    assert worker().pid != before


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an interval timer")
def test_an_interrupted_request_leaves_no_reply_for_the_next_one() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    own, before = _own_worker(), signal.signal(signal.SIGALRM, interrupt)
    try:
        for text in ("x + 1", "10**10**10 + x"):  # while the worker starts, and while it works
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt):
                _key(own, text, 60)
            assert _key(own, r"\sqrt{4}", 20) == "2"
    finally:
        signal.signal(signal.SIGALRM, before)
        own.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_the_worker_starts_under_a_lower_memory_limit_than_its_own() -> None:
    import resource

    program = "from reasoning.answer import Expression; print(Expression(seconds=60).parse('x**2 + x').key)"
    limit = 3 << 29
    ended = subprocess.run(
        [sys.executable, "-c", program],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert (ended.stdout, ended.stderr) == ("x**2 + x\n", "")


def test_a_worker_that_the_system_ended_costs_no_answer() -> None:
    own = _own_worker()
    assert _key(own, r"\sqrt{4}", 20) == "2"
    assert own._process is not None
    own._process.kill()
    own._process.wait()
    assert _key(own, r"\sqrt{9}", 20) == "3"
    own.close()


def test_many_threads_share_one_worker() -> None:
    keys: dict[int, str] = {}

    def read(number: int) -> None:
        keys[number] = _parse(rf"\sqrt{{{number}}} \cdot \sqrt{{{number}}}").key

    threads = [threading.Thread(target=read, args=(number,)) for number in range(2, 12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys == {number: str(number) for number in range(2, 12)}


def test_no_process_is_left_behind() -> None:
    program = (
        "from reasoning.answer import Expression\nfrom reasoning.answer.expression import worker\n"
        "assert Expression(seconds=60).parse('x**2 + x').key == 'x**2 + x'\n"
        "print(worker().pid)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True, timeout=150
    )
    assert ended.stderr == ""
    assert not _alive(int(ended.stdout))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_a_worker_of_its_own() -> None:
    program = (
        "import os\n"
        "from reasoning.answer import Expression\nfrom reasoning.answer.expression import worker\n"
        "kind = Expression(seconds=60)\n"
        "kind.parse('x**2 + x')\n"
        "mine = worker().pid\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    assert worker().pid is None\n"
        "    assert kind.parse('x**2 + 2*x').key == 'x**2 + 2*x'\n"
        "    assert worker().pid not in (None, mine)\n"
        "    worker().close()\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert worker().pid == mine\n"
        "assert kind.parse('x**2 + 3*x').key == 'x**2 + 3*x'\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=170)


def test_the_worker_sees_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    own = _own_worker()
    assert _key(own, r"\sqrt{4}", 20) == "2"
    if os.path.exists(f"/proc/{own.pid}/environ"):
        with open(f"/proc/{own.pid}/environ", "rb") as environment:
            assert b"secret" not in environment.read()
    own.close()
    assert own.pid is None


def test_a_missing_package_gives_its_install_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "math_verify.py").write_text("raise ModuleNotFoundError(name='math_verify')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MissingPackageError, match=r"pip install 'reasoning-strategies\[math\]'"):
        _key(_own_worker(), "x", 1)


TOWERS = "\n".join(f"The answer is ${n}^{{9^{{9^{{9}}}}}} + x$." for n in range(2, 26)) + "\nSo 9."


def test_one_deadline_a_text_and_an_overrun_is_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Each of the 24 towers takes for ever: the text has its second once, and what follows it is not its answer."""
    _parse(r"\sqrt{11}")
    started = time.monotonic()
    assert Expression(seconds=1).extract(TOWERS) is None
    assert time.monotonic() - started < 8, "a candidate has no time of its own"
    assert "no canonical form within 1.0 s" in caplog.text


def test_the_loop_goes_on_while_a_formula_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def ask(*_: object) -> None:
        begun.set()
        assert go_on.wait(60), "the loop stood still while the worker was waited for"

    async def read() -> None:
        reading = [
            asyncio.create_task(EXPRESSION.aextract(r"$\sqrt{17}$")),
            asyncio.create_task(EXPRESSION.aparse("x/y")),
        ]
        while not begun.is_set():
            await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(*reading)

    monkeypatch.setattr(Worker, "ask", ask)
    asyncio.run(read())


@pytest.mark.parametrize("text", ["nan", "nan + 1", "(nan, 1)", "oo - oo", "0*oo"])
def test_what_is_no_number_is_no_answer(text: str) -> None:
    """It equals nothing, itself included, so it can be no right answer."""
    assert EXPRESSION.parse(text) is None


def _parse(value: object) -> Formula:
    answer = EXPRESSION.parse(value)
    assert answer is not None
    return answer


def _own_worker() -> Worker:
    return worker.__wrapped__()


def _key(own: Worker, text: str, seconds: float) -> str | None:
    found = own.ask([(text, text)], Allowance(seconds))
    return None if found is None else str(found[1])


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
