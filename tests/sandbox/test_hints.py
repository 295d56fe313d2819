"""Hints: real tracebacks of programs as models write them, and what a model is told of them."""

import time
import traceback

import pytest

from sandbox.hints import hint
from sandbox.outcome import Status


def failure(program: str) -> str:
    """The traceback of a program, as the sandbox words it."""
    try:
        exec(compile(program, "<program>", "exec"), {})
    except Exception as error:
        trace = error.__traceback__
        return "".join(traceback.format_exception(type(error), error, trace.tb_next if trace else None))
    raise AssertionError("the program does not fail")


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print(total)", "Define or import total"),
        ("def f():\n    n += 1\nf()", "Assign n before"),
        ("import sklearn_of_my_own", "sklearn_of_my_own is missing: use the standard library, numpy or sympy"),
        ("from math import cosine", "cosine does not exist"),
        ("x = 1\ny = = 2", "Line 2 is not valid Python"),
        ("Here is the code:\nans = 1", "Line 1 is not valid Python"),
        ("x = 1\n\n  y = 2", "line 3"),
        ("if True:\nx = 1", "line 2"),
        ("1 / 0", "divided by zero"),
        ("def f(n): return f(n - 1)\nf(9)", "base case"),
        ("[][3]", "index or key exists"),
        ("{}['a']", "index or key exists"),
        ("import math\nmath.cosine(1)", "math has no attribute cosine"),
        ("'a'.push('b')", "A str has no attribute push"),
        ("sum = 3\nsum([1])", "no function"),
        ("1 + 'a'", "Convert the values"),
        ("2.0 ** 10000", "too large for a float"),
        ("assert 1 == 2", "assertion"),
        ("str(10 ** 5000)", "too long to print"),
        ("raise EOFError('EOF when reading a line')", "no input to read"),
        ('raise RuntimeError("can\'t start new thread")', "Too many threads"),
        ("raise ValueError('whatever')", "last line of the traceback"),
        ("import urllib.request\nraise PermissionError(1, 'Operation not permitted')", "no files"),
        ("open('/nowhere/data.csv')", "no files"),
    ],
)
def test_an_error_is_answered_with_its_repair(program: str, said: str) -> None:
    told = hint(Status.ERROR, failure(program))
    assert told is not None
    assert said in told


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            '  File "/lib/socket.py", line 7, in connect\nPermissionError: [Errno 1] Operation not permitted',
            "no network",
        ),
        ("urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>", "no network"),
        ('  File "/lib/subprocess.py", line 7\nPermissionError: [Errno 1] Operation not permitted', "No other process"),
        ("    os.fork()\nPermissionError: [Errno 1] Operation not permitted", "No other process"),
        ("    os.kill(1, 9)\nPermissionError: [Errno 1] Operation not permitted", "Signals"),
        ("    open('/etc/passwd')\nPermissionError: [Errno 13] Permission denied: '/etc/passwd'", "no files"),
    ],
)
def test_what_is_denied_is_named(error: str, said: str) -> None:
    assert said in (hint(Status.ERROR, error) or "")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("the program ran to its end but defined no 'ans'", "Assign the answer to ans"),
        ("the program ran to its end but defined no 'solution'", "Assign the answer to solution"),
        ("ans: the value contains itself", "flat value"),
        ("ans: the value is nested deeper than 64", "flat value"),
        ("ans: a value of type 'function' cannot be returned", "type function"),
    ],
)
def test_a_missing_answer_is_asked_for(error: str, said: str) -> None:
    assert said in (hint(Status.NO_RESULT, error) or "")


def test_every_failure_of_a_program_has_a_hint_even_without_a_word_of_error() -> None:
    told = {status: hint(status, None) for status in Status}
    silent = {status for status, sentence in told.items() if sentence is None}
    assert silent == {Status.OK, Status.SETUP_FAILED}
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in told.values() if sentence)


def test_a_failed_set_up_is_not_the_program_s_to_repair() -> None:
    assert hint(Status.SETUP_FAILED, "NameError: name 'x' is not defined") is None


@pytest.mark.parametrize(
    "text", ["'" * 65_536, "line 1\n" * 9_000, "AttributeError: " + "'a' " * 16_000, "\n" * 65_536]
)
def test_text_made_to_stall_a_search_does_not(text: str) -> None:
    started = time.thread_time()
    for status in Status:
        hint(status, text)
    assert time.thread_time() - started < 0.05


def test_a_hint_quotes_no_more_than_a_name() -> None:
    told = hint(Status.ERROR, f"NameError: name '{'x' * 10_000}' is not defined")
    assert told is not None
    assert len(told) < 200


def test_braces_in_a_name_are_only_text() -> None:
    assert (
        hint(Status.ERROR, "NameError: name '{0}{line}' is not defined")
        == "Define or import {0}{line} before it is used."
    )


def test_a_program_with_files_or_input_is_not_said_to_have_none() -> None:
    ended, missing = "EOFError: EOF when reading a line", "FileNotFoundError: [Errno 2] No such file or directory: 'x'"
    assert "no input" in (hint(Status.ERROR, ended) or "")
    assert "has ended" in (hint(Status.ERROR, ended, stdin=True) or "")
    assert "There are no files" in (hint(Status.ERROR, missing) or "")
    assert "given files" in (hint(Status.ERROR, missing, files=True) or "")
    assert "network" in (hint(Status.ERROR, "  socket.connect()\nPermissionError: no", files=True) or "")
