"""What goes over the wires between the caller, the server and a program's process: see PROTOCOL.md."""

import struct
from typing import Final, NamedTuple

READY: Final = b"R"
"""First byte of the result channel: all that contains the program is in place. Anything else is a failed set-up."""

FAILED: Final = b"F"
"""First byte of the result channel when a layer could not be put on; the reason follows as text."""

ANSWER, ERROR, MEMORY, NO_RESULT, EXITED, TOO_LARGE = b"VEMNXL"
"""First byte of a result frame: what the program's runner has to say. The caller believes it of the answer alone."""

ERROR_BYTES: Final = 64 * 1024
"""Longest text that a result frame carries when it carries no value."""

ORDER: Final = b"O"
"""Caller to server, over the control socket of a server that forks nothing ahead: fork a child with the folder of files
whose path follows, or without any."""

LEASE: Final = struct.Struct("!I")
"""Server to caller, with descriptors (lease, channel, stdout, stderr): a contained child is ready; its process id."""

START: Final = struct.Struct("!ddQ")
"""Caller to server, over the lease: the clock runs; limits of wall and processor seconds and of memory. Closing the
lease kills."""

PAUSE: Final = struct.Struct("!d")
"""Caller to server, over the lease of a session: a program has answered, so stop the process and report; for how many
seconds it may stand still before it is killed. START continues it."""

REPORT: Final = struct.Struct("!iBddQ")
"""Server to caller, over the lease: the child has ended; the fields of `Report`."""

REQUEST: Final = struct.Struct("!QIQ8sIII")
"""Caller to child, over the channel: memory, processor seconds, result bytes, mark, lengths of what is asked for, of
standard input and of the program; these three follow."""

ALONE: Final = bytes(8)
"""The mark of a program that has its process to itself. Any other mark is that of a program of a session: its frame
begins with it, and the process then waits for the next request."""

ENDED, TIMEOUT, CPU, PAUSED, MEMORY = range(5)
"""Why the server killed a child (or the kernel, for `MEMORY`), or that it did not; or that the child stands still
between two programs."""


class Report(NamedTuple):
    """What the server saw of a child: from `wait4` and its own clock, never from the child.

    A child that is paused has no wait status yet: it is 0.

    Attributes:
        wait_status: As `os.waitpid` gives it.
        cause: `ENDED`, `TIMEOUT`, `CPU`, `PAUSED` or `MEMORY`.
        wall_s: Seconds from the start of the program.
        cpu_s: Processor seconds from the start of the program.
        max_rss_bytes: Most memory resident at once.
    """

    wait_status: int
    cause: int
    wall_s: float
    cpu_s: float
    max_rss_bytes: int
