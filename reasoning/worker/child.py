"""The server side of a worker: answers requests with the function `answer` of one file, a line of JSON at a time.

Run as a program, in a process of its own, because what the file calls may hang or take all memory. A request is
`{"request": …, "seconds": …}`, a reply `{"reply": …}`; the first line written says that it is ready, or what is
missing. It imports nothing of this project.
"""

import json
import os
import runpy
import signal
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

_MEMORY: Final = 2 << 30  # bytes of address space


def serve(answer: Callable[[Any], Any], requests: TextIO, replies: TextIO) -> None:
    """Answer requests until there are no more. One that takes too long ends the process, from within as well."""
    for line in requests:
        asked = json.loads(line)
        if hasattr(signal, "alarm"):
            signal.alarm(int(asked["seconds"]) + 2)  # unhandled: the kernel ends even a process whose caller is gone
        try:
            reply = answer(asked["request"])
        except (Exception, RecursionError):  # noqa: BLE001 (parsers and scorers raise anything on hostile text)
            reply = None
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        replies.write(json.dumps({"reply": reply}) + "\n")
        replies.flush()


def main(program: str) -> None:
    """Keep standard output for replies alone, bound the memory, and serve."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    if sys.platform != "win32":
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[1]  # a cluster's own limit may be lower, and cannot be raised
        memory = _MEMORY if most == resource.RLIM_INFINITY else min(_MEMORY, most)
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    sys.set_int_max_str_digits(100_000)
    try:
        answer = runpy.run_path(program)["answer"]
    except ModuleNotFoundError as error:
        replies.write(json.dumps({"missing": str(error.name)}) + "\n")
        return
    replies.write(json.dumps({"ready": True}) + "\n")
    replies.flush()
    serve(answer, sys.stdin, replies)


if __name__ == "__main__":
    main(sys.argv[1])
