"""Programs that a sandbox must withstand: read from the text files of ``tests/sandbox/programs``.

A case starts with a line ``=== name``, has fields, a line ``---``, and the program:

    status    how it must end; several only where the interpreter's version, or the kernel's choice, decides
    session   how it must end as a program of a session, where that differs: a frame there bears a mark, and what bears
              none ends the session at once
    value     what it must answer, exactly: same types, same bits
    says      words that must stand in its error or its hint
    check     anything else that must hold of its outcome ``o``
    limits    what it may use, where that is not `ROOMY`
    returns   what it is asked for, if not ``ans``
    with      the prelude that it starts with: ``attempts`` collects in ``ans`` what each attempt came to, ``frames``
              writes to whatever pipes there are, ``mappings`` has the kernel's own calls for memory
    control   ``yes``: it does harm, and no more than a test may do, where nothing contains it; so it is also run
              uncontained and must do it, for a program that fails by itself says nothing of the sandbox
    grows     ``yes``: how much memory the whole machine has the less for it is measured as well
    machine   the only machine that it is for
    program   the program as an expression, where it is too long or too odd to be written out

In a program ``@CANARY@`` stands for a folder with files that anyone may change, ``@TOKEN@`` for a word that no file on
the machine has in its name, ``@PORT@`` for a loopback port that listens, ``@SUPERVISOR@`` and ``@SENTINEL@`` for the
ids of the process that runs the sandbox and of a bystander.
"""

import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from sandbox import Outcome
from sandbox.wire import Array, Caps, Symbolic, encode

PROGRAMS: Final = Path(__file__).parents[1] / "sandbox" / "programs"
ROOMY: Final[Mapping[str, Any]] = {"wall_s": 10.0, "cpu_s": 10.0, "memory_bytes": 2**28, "output_bytes": 2**16}

_PRELUDES: Final = {
    "attempts": """
import ctypes, errno, os, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
ans = {}

def attempt(name, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except BaseException as error:
        number = getattr(error, "errno", None)
        ans[name] = errno.errorcode.get(number, type(error).__name__)
    else:
        ans[name] = "done"

def call(name, number, *arguments):
    ctypes.set_errno(0)
    got = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    ans[name] = "done" if got >= 0 else errno.errorcode[ctypes.get_errno()]
""",
    "mappings": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
libc.munmap.argtypes = ctypes.c_void_p, ctypes.c_size_t
libc.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
libc.memset.argtypes = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
libc.memmove.argtypes = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t

def new(size, place=None, flags=0x22):
    found = libc.mmap(place, size, 3, flags, -1, 0)
    return None if found == ctypes.c_void_p(-1).value else found
""",
    "frames": """
import os, struct
pipes = []
for fd in range(3, 64):
    try:
        os.fstat(fd)
    except OSError:
        continue
    pipes.append(fd)

def send(data):
    for fd in pipes:
        try:
            os.write(fd, data)
        except OSError:
            pass
""",
}


def denied(outcome: Outcome) -> bool:
    """Everything that was attempted has failed."""
    return bool(outcome.value) and "done" not in outcome.value.values()


def refused(outcome: Outcome) -> bool:
    """Everything that was attempted was refused as such, not for some fault of the attempt."""
    return bool(outcome.value) and set(outcome.value.values()) <= {"EPERM", "EACCES", "ENOSYS"}


_NAMES: Final = {
    "Array": Array, "Decimal": Decimal, "Fraction": Fraction, "Symbolic": Symbolic, "inf": math.inf, "nan": math.nan,
    "denied": denied, "refused": refused,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One program and what must become of it.

    Attributes:
        name: What it tries.
        fields: As in the file.
        program: Its text, places not yet filled in.
    """

    name: str
    fields: Mapping[str, str]
    program: str

    @property
    def returns(self) -> str:
        """What the program is asked for."""
        return self.fields.get("returns", "ans")

    @property
    def limits(self) -> dict[str, Any]:
        """What the program may use."""
        return {**ROOMY, **_evaluate(f"dict({self.fields.get('limits', '')})")}

    @property
    def grows(self) -> bool:
        """Whether its memory is measured on the whole machine."""
        return "grows" in self.fields

    @property
    def control(self) -> bool:
        """Whether it is also run uncontained."""
        return "control" in self.fields

    def faults(self, outcome: Outcome, in_session: bool = False) -> list[str]:
        """What of the outcome is not as it must be."""
        if in_session and "session" in self.fields:
            return [] if outcome.status == self.fields["session"] else [f"status {outcome.status}"]
        right = outcome.status in self.fields["status"].split()
        faults = [] if right else [f"status {outcome.status}, not {self.fields['status']}"]
        if "value" in self.fields and encode(outcome.value, Caps()) != encode(_evaluate(self.fields["value"]), Caps()):
            faults.append(f"value {outcome.value!r}")
        said = f"{outcome.error}\n{outcome.hint}"
        faults += [
            f"{word!r} is not said in {said}" for word in _evaluate(self.fields.get("says", "()")) if word not in said
        ]
        if not _evaluate(self.fields.get("check", "True"), o=outcome):
            faults.append(f"{self.fields['check']} does not hold")
        return faults


def _evaluate(expression: str, **names: object) -> Any:
    return eval(expression, {**_NAMES, **names})


def _read(text: str) -> Case:
    name, _, rest = text.partition("\n")
    head, _, body = rest.partition("---\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    program = _evaluate(fields["program"]) if "program" in fields else body
    return Case(name.strip(), fields, _PRELUDES.get(fields.get("with", ""), "") + program)


def _all() -> list[Case]:
    cases = []
    for file in sorted(PROGRAMS.glob("*.txt")):
        text = "\n" + file.read_text(encoding="utf-8")
        cases += [_read(part) for part in text.split("\n=== ")[1:]]
    assert len({case.name for case in cases}) == len(cases)
    return [case for case in cases if case.fields.get("machine", platform.machine()) == platform.machine()]


CASES: Final = _all()
