"""A program in a leased child: send it, take in what it says within bounds, decide what became of it."""

import contextlib
import os
import select
import signal
import socket
import time
from dataclasses import dataclass, field
from typing import Final

from sandbox import messages, wire
from sandbox.hints import hint
from sandbox.limits import Limits
from sandbox.messages import Report
from sandbox.outcome import Isolation, Outcome, Status
from sandbox.program import Program
from sandbox.server import LEASE_S, Lease, ServerLost

GRACE_S: Final = 20.0
"""Seconds after the time limit by which the server must have reported; then it counts as lost."""

_CHUNK: Final = 1 << 16


@dataclass(slots=True)
class Intake:
    """What came out of one descriptor, up to a cap; the rest is drained and counted as too much."""

    cap: int
    over: bool = False
    size: int = 0
    due: int = 0
    pieces: list[bytes] = field(default_factory=list)

    def take(self, chunk: bytes) -> None:
        room = self.cap - self.size
        if len(chunk) > room:
            self.over = True
            chunk = chunk[:room]
        if chunk:
            self.size += len(chunk)
            self.pieces.append(chunk)

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Turn:
    """A program's place in a session.

    Attributes:
        mark: What its frame begins with: eight bytes that no other program's does.
        cpu_s: Processor seconds that the whole session may use.
        until: When the session is over, by the monotonic clock.
    """

    mark: bytes
    cpu_s: float
    until: float


@dataclass(slots=True)
class Conversation:
    """Everything heard of one program."""

    greeting: bytes
    channel: Intake
    stdout: Intake
    stderr: Intake
    report: Report


def supervise(
    lease: Lease, program: Program, limits: Limits, isolation: Isolation, turn: Turn | None = None
) -> Outcome:
    """Run a program in a leased child.

    Args:
        lease: The child.
        program: What to run.
        limits: What it may use.
        isolation: What holds it in.
        turn: Its place in a session; None where it has the child to itself.

    Raises:
        ServerLost: The server died or hangs; the program is gone with it.
    """
    heard = _converse(lease, program, limits, turn)
    status, value, error = _judge(heard, limits, turn)
    report = heard.report
    lease.paused = report.cause == messages.PAUSED
    return Outcome(
        status=status,
        value=value,
        stdout=heard.stdout.text,
        stderr=heard.stderr.text,
        error=error,
        hint=hint(status, error, stdin=bool(program.stdin), files=program.files),
        truncated=heard.stdout.over or heard.stderr.over,
        wall_s=report.wall_s,
        cpu_s=report.cpu_s,
        max_rss_bytes=report.max_rss_bytes,
        isolation=isolation,
    )


def _request(program: Program, limits: Limits, turn: Turn | None) -> bytes:
    code, asked = program.source.encode("utf-8", "surrogatepass"), program.returns.encode()
    # The server counts exactly; this is the kernel's, should the server be gone. It is set once, for a whole session.
    seconds = int(turn.cpu_s if turn else limits.cpu_s) + 2
    mark, lengths = turn.mark if turn else messages.ALONE, map(len, (asked, program.stdin, code))
    head = messages.REQUEST.pack(limits.memory_bytes, seconds, limits.result_bytes, mark, *lengths)
    return head + asked + program.stdin + code


def _converse(lease: Lease, program: Program, limits: Limits, turn: Turn | None) -> Conversation:
    """Send the request and read everything until the server reports the end of the child, or of its turn."""
    channel = Intake(len(messages.ALONE) + wire.HEADER.size + 1 + max(limits.result_bytes, messages.ERROR_BYTES))
    stdout, stderr = Intake(limits.output_bytes), Intake(limits.output_bytes)
    intakes = {lease.channel.fileno(): channel, lease.stdout: stdout, lease.stderr: stderr}
    if not lease.greeting:
        _greet(lease)
    unsent = memoryview(b"")
    if lease.greeting == messages.READY and _started(lease, limits):
        unsent = memoryview(_request(program, limits, turn))
    poll = select.poll()
    for fd in (*intakes, lease.server.fileno()):
        poll.register(fd, select.POLLIN)
    poll.register(lease.channel.fileno(), select.POLLIN | select.POLLOUT)
    last = time.monotonic() + limits.wall_s + GRACE_S
    killed = answered = False
    while True:
        ready = poll.poll(max(0.0, last - time.monotonic()) * 1000)
        if not ready:
            raise ServerLost("the server does not report the end of a program")
        for fd, event in ready:
            if fd == lease.server.fileno():
                report = report_of(lease.server)
                _drain(intakes)
                return Conversation(lease.greeting, channel, stdout, stderr, report)
            if event & select.POLLOUT and unsent:
                unsent = unsent[_send_some(lease.channel, unsent) :]
                if not unsent:
                    poll.modify(fd, select.POLLIN)
            if event & ~select.POLLOUT and not _take(fd, intakes[fd]):
                poll.unregister(fd)
            if turn and not answered and fd == lease.channel.fileno() and _is_whole(channel, turn.mark):
                answered = True
                _pause(lease, turn)
            if intakes[fd].over and not killed:
                killed = True
                lease.abandon()


def _greet(lease: Lease) -> None:
    """Wait until the child says that it is contained: on a busy machine that may take a while, which is not its own."""
    lease.channel.settimeout(LEASE_S)
    try:
        lease.greeting = lease.channel.recv(len(messages.READY)) or messages.FAILED
    except TimeoutError:
        raise ServerLost("the server's child does not start") from None
    finally:
        lease.channel.settimeout(None)


def _is_whole(channel: Intake, mark: bytes) -> bool:
    """Whether the frame of a program of a session is there; what cannot become one counts as too much."""
    head = len(mark) + wire.HEADER.size
    if not channel.due and channel.size >= head:
        start = channel.data
        channel.due = head + wire.HEADER.unpack(start[len(mark) : head])[0]
        channel.over |= start[: len(mark)] != mark or channel.due > channel.cap
    return 0 < channel.due <= channel.size and not channel.over


def _pause(lease: Lease, turn: Turn) -> None:
    with contextlib.suppress(OSError):  # the child has ended: the server will say how
        lease.server.send(messages.PAUSE.pack(max(0.0, turn.until - time.monotonic())), socket.MSG_NOSIGNAL)


def _started(lease: Lease, limits: Limits) -> bool:
    """Have the clock run; False where the program was called off before: the server is well, and kills the child."""
    try:
        lease.server.send(messages.START.pack(limits.wall_s, limits.cpu_s, limits.memory_bytes), socket.MSG_NOSIGNAL)
    except OSError as error:
        if lease.abandoned:
            return False
        raise ServerLost(str(error)) from error
    return True


def _send_some(channel: socket.socket, data: memoryview) -> int:
    try:
        return channel.send(data, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return 0
    except OSError:
        return len(data)  # the child is gone; the server will say how


def _take(fd: int, intake: Intake) -> bool:
    """Read one chunk; False at the end."""
    try:
        chunk = os.read(fd, _CHUNK)
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    intake.take(chunk)
    return bool(chunk)


def _drain(intakes: dict[int, Intake]) -> None:
    """The child is gone: read what it left. Not to the end: what it forked, at `unsafe`, may hold the other ends."""
    for fd, intake in intakes.items():
        left = select.poll()
        left.register(fd, select.POLLIN)
        while not intake.over and left.poll(0) and _take(fd, intake):
            pass


def report_of(server: socket.socket) -> Report:
    """What the server says over a lease.

    Raises:
        ServerLost: It is gone.
    """
    try:
        message = server.recv(messages.REPORT.size)
    except OSError as error:
        raise ServerLost(str(error)) from error
    if not message:
        raise ServerLost("the server died")
    return Report(*messages.REPORT.unpack(message))


def _judge(heard: Conversation, limits: Limits, turn: Turn | None) -> tuple[Status, object, str | None]:
    """Status, value and error: by the kernel's word first, by the frame only where the process ended by itself."""
    report, stream = heard.report, heard.channel.data
    if heard.greeting != messages.READY:
        reason = stream.decode("utf-8", "replace") or "the child ended before it was contained"
        return Status.SETUP_FAILED, None, f"The sandbox could not contain the program: {reason}"
    if heard.stdout.over or heard.stderr.over:
        name = "stdout" if heard.stdout.over else "stderr"
        return Status.OUTPUT_LIMIT, None, f"The program wrote more than {limits.output_bytes:,} bytes to {name}."
    if heard.channel.over:
        return (
            Status.PROTOCOL_ERROR,
            None,
            "What came over the result pipe is more than any answer takes, or no answer.",
        )
    if os.WIFSIGNALED(report.wait_status):
        return _judge_kill(report, limits)
    code = os.WEXITSTATUS(report.wait_status)
    if code or not stream:
        return Status.EXITED, None, f"The program ended its process with code {code} before it had answered."
    mark = turn.mark if turn else b""
    return _judge_frame(stream[len(mark) :] if stream.startswith(mark) else b"", limits)


def _judge_kill(report: Report, limits: Limits) -> tuple[Status, object, str]:
    number = os.WTERMSIG(report.wait_status)
    if report.cause == messages.TIMEOUT:
        return Status.TIMEOUT, None, f"The program ran longer than {limits.wall_s:g} s."
    if report.cause == messages.MEMORY:
        return (
            Status.MEMORY_LIMIT,
            None,
            (
                f"The program held more memory than {limits.memory_bytes:,} bytes, with what the kernel keeps for its "
                "threads and mappings."
            ),
        )
    if report.cause == messages.CPU or report.cpu_s >= limits.cpu_s:
        return Status.CPU_LIMIT, None, f"The program used more than {limits.cpu_s:g} s of processor time."
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    return Status.SIGNAL, None, f"The program was killed by {name}."


def _judge_frame(stream: bytes, limits: Limits) -> tuple[Status, object, str | None]:
    size = wire.HEADER.size
    if len(stream) <= size or wire.HEADER.unpack(stream[:size])[0] != len(stream) - size:
        return Status.PROTOCOL_ERROR, None, "What came over the result pipe is not one frame."
    kind, payload = stream[size], stream[size + 1 :]
    if kind == messages.ANSWER:
        try:
            return Status.OK, wire.decode(payload, wire.Caps(bytes=limits.result_bytes)), None
        except wire.WireError as error:
            return Status.PROTOCOL_ERROR, None, f"What came over the result pipe is no answer: {error}."
    text = payload.decode("utf-8", "replace")
    if kind == messages.EXITED:
        return Status.EXITED, None, f"The program called exit ({text}) before it had answered."
    status = _TOLD.get(kind)
    if status is None:
        return Status.PROTOCOL_ERROR, None, "What came over the result pipe is not one frame."
    return status, None, text


_TOLD: Final = {
    messages.ERROR: Status.ERROR,
    messages.MEMORY: Status.MEMORY_LIMIT,
    messages.NO_RESULT: Status.NO_RESULT,
    messages.TOO_LARGE: Status.OUTPUT_LIMIT,
}
