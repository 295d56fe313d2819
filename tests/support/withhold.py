"""Run a Python program on a kernel that seems to lack some system calls: python withhold.py CALL[=ERRNO],… CODE.

A real filter answers those calls, as an old container's would. ``prctl.seccomp`` withholds the loading of filters.
"""

import ctypes
import errno
import os
import platform
import struct
import subprocess
import sys
from pathlib import Path

from sandbox.syscalls import NUMBERS

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000


def instruction(code: int, jt: int, jf: int, constant: int) -> bytes:
    return struct.pack("=HBBI", code, jt, jf, constant)


def withhold(calls: list[str]) -> None:
    """Have the kernel refuse these calls to this process and all it starts."""
    numbers = NUMBERS[platform.machine()]
    code = b""
    for call in calls:
        name, _, error = call.partition("=")
        refusal = REFUSE | getattr(errno, error or "EPERM")
        code += instruction(LOAD, 0, 0, 0)
        if name == "prctl.seccomp":
            code += instruction(EQUAL, 0, 3, numbers["prctl"]) + instruction(LOAD, 0, 0, 16)
            code += instruction(EQUAL, 0, 1, 22) + instruction(RETURN, 0, 0, refusal)
        else:
            code += instruction(EQUAL, 0, 1, numbers[name]) + instruction(RETURN, 0, 0, refusal)
    code += instruction(RETURN, 0, 0, ALLOW)
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer)))
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
        raise OSError(ctypes.get_errno(), "the filter was not loaded")


def on_a_machine_without(calls: str, code: str) -> str:
    """What a program prints where the kernel seems to lack these system calls."""
    done = subprocess.run(
        [sys.executable, __file__, calls, code],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


if __name__ == "__main__":
    withhold(sys.argv[1].split(","))
    exec(sys.argv[2])
