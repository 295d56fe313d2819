"""One short sentence to put before a model whose program failed, so that its next program does not."""

import re
from collections.abc import Mapping
from typing import Final

from sandbox.outcome import Status

# The text is the program's to choose: bounds that keep every search below a millisecond.
_LINE: Final = 300
_TEXT: Final = 8_000
_NAME: Final = 60

_NO_INPUT: Final = "There is no input to read: put the numbers of the problem into the program."
_NO_FILES: Final = "There are no files to read or write: put all data into the program."

_BY_STATUS: Final[Mapping[Status, str]] = {
    Status.ERROR: "Fix the error that the last line of the traceback names.",
    Status.TIMEOUT: "The program took too long: avoid endless loops and brute force, and compute the answer directly.",
    Status.CPU_LIMIT: "The program computed too long: avoid endless loops and brute force, and use a closed formula.",
    Status.MEMORY_LIMIT: "The program used too much memory: do not build huge lists or numbers, compute step by step.",
    Status.OUTPUT_LIMIT: "The program gave too much output: print little, and answer with one number or a short value.",
    Status.EXITED: "Do not call exit() or quit(): let the program run to its end with the answer in its variable.",
    Status.SIGNAL: "The program crashed the interpreter: use plain Python, without ctypes or unbounded recursion.",
    Status.NO_RESULT: "Answer with a plain value: a number, text, or a list, tuple, set or dictionary of these.",
    Status.PROTOCOL_ERROR: "Do not touch file descriptors or the interpreter's internals: only compute the answer.",
}

_BY_LAST_LINE: Final[Mapping[Status, Mapping[str, str]]] = {
    Status.NO_RESULT: {
        r"defined no '(.+)'": "Assign the answer to {0} at top level, or define the function of that name.",
        r"contains itself|nested deeper": "The answer contains itself or is too deep: answer with a flat value.",
        r"type '(.+?)' cannot": "The answer is of type {0}: convert it to a number, text or a list first.",
    },
    Status.ERROR: {
        r"^NameError: name '(.+?)' is not defined": "Define or import {0} before it is used.",
        r"^UnboundLocalError: .*variable '(.+?)'": "Assign {0} before it is used, or pass it as an argument.",
        r"^ModuleNotFoundError: No module named '(.+?)'": "{0} is missing: use the standard library, numpy or sympy.",
        r"^ImportError: cannot import name '(.+?)'": "{0} does not exist in that module: import something that does.",
        r"^IndentationError|^TabError": "Fix the indentation at line {line}: four spaces a level.",
        r"^SyntaxError": "Line {line} is not valid Python: write only the program, no prose or Markdown around it.",
        r"^ZeroDivisionError": "Something is divided by zero: check the formula and its numbers.",
        r"^RecursionError": "The recursion goes too deep: fix its base case, or use a loop.",
        r"^EOFError": _NO_INPUT,
        r"^IndexError|^KeyError": "Check that the index or key exists before it is used.",
        r"^AttributeError: .*'(.+?)' has no attribute '(.+?)'": "{0} has no attribute {1}: use one that it has.",
        r"^AttributeError: '(.+?)' object has no attribute '(.+?)'": "A {0} has no attribute {1}: use one that it has.",
        r"^TypeError: .*not callable": "Something that is no function is called: give no variable a function's name.",
        r"^TypeError: .*truth value": "A SymPy relation has no truth value yet: substitute numbers before comparing.",
        r"^TypeError": "Convert the values to the types that the operation takes.",
        r"^OverflowError": "A number is too large for a float: use integers or fractions.",
        r"^AssertionError": "An assertion of the program failed: check its formula, or leave the assertion out.",
        r"^ValueError: Exceeds the limit": "The integer is too long to print: answer with the integer itself.",
        r"^RuntimeError: can't start new thread": "Too many threads: compute in one.",
    },
}

_DENIED: Final[Mapping[str, str]] = {
    r"socket|urllib|http|requests|URLError|gaierror": "There is no network: put all data into the program.",
    r"subprocess|multiprocessing|fork|spawn|os\.exec|ProcessPool": "No other process can be started: use this one.",
    r"os\.kill|signal": "Signals cannot be sent: let the program run to its end.",
    r"": _NO_FILES,
}
"""By what stands in the traceback of a `PermissionError` or a kin of it; the last one when nothing else does."""

_DENIAL: Final = re.compile(
    r"^(PermissionError|FileNotFoundError|BlockingIOError|ConnectionError|OSError: \[Errno (1|13|30|38)\])"
    r"|Temporary failure in name resolution|Operation not permitted"
)


def hint(status: Status, error: str | None, stdin: bool = False, files: bool = False) -> str | None:
    """What to tell a model so that it can repair its program.

    Args:
        status: How the program ended.
        error: Its traceback, or the sandbox's sentence.
        stdin: Whether it had something to read from standard input.
        files: Whether it had files to read.

    Returns:
        One sentence, which quotes nothing of the program but a name; None where there is nothing to repair (``ok``)
        or the program is not to blame (``setup_failed``).
    """
    text = (error or "").rstrip()[-_TEXT:]
    before, _, last = text.rpartition("\n")
    last = last[:_LINE]
    for pattern, sentence in _BY_LAST_LINE.get(status, {}).items():
        match = re.search(pattern, last)
        if match:
            if sentence is _NO_INPUT and stdin:
                sentence = "The input has ended: read no more of it than there is."
            lines = re.findall(r"line (\d{1,9})$", before, re.MULTILINE)
            return sentence.format(*(name[:_NAME] for name in match.groups()), line=lines[-1] if lines else "1")
    if status is Status.ERROR and _DENIAL.search(last):
        sentence = next(sentence for pattern, sentence in _DENIED.items() if re.search(pattern, text))
        if sentence is _NO_FILES and files:
            return "Open the given files by their names, in the current folder, to read only; there are no others."
        return sentence
    return _BY_STATUS.get(status)
