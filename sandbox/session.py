"""Programs one after the other in one contained process, each of which finds what those before it defined."""

import asyncio
import os
import select
import signal
import threading
import time
import weakref
from dataclasses import dataclass
from typing import Any, Final, Self

from sandbox import messages
from sandbox.errors import LimitError
from sandbox.files import Files
from sandbox.limits import Limits
from sandbox.outcome import Isolation, Outcome, Status
from sandbox.pool import POOL, Station, Ticket
from sandbox.program import Program
from sandbox.server import Lease, Server, ServerLost
from sandbox.supervise import Turn, report_of, supervise

GOES_ON: Final = frozenset({Status.OK, Status.ERROR, Status.NO_RESULT, Status.EXITED})
"""How a program of a session may end without ending the session, as long as the process lives."""

LONGEST_S: Final = 86_400.0
SHORTEST_S: Final = Limits.model_fields["wall_s"].metadata[0].ge


@dataclass(frozen=True)
class Totals:
    """What all programs of a session may use together.

    Attributes:
        programs: How many there may be.
        wall_s: Seconds from the start of the first to the end of the last, the time between them included.
        cpu_s: Seconds of processor time.

    Raises:
        LimitError: One is out of its range.
    """

    programs: int = 100
    wall_s: float = 3600.0
    cpu_s: float = 60.0

    def __post_init__(self) -> None:
        if self.programs < 1:
            raise LimitError(f"programs is {self.programs!r}, but a session has at least 1 program.")
        for name in ("wall_s", "cpu_s"):
            if not SHORTEST_S <= getattr(self, name) <= LONGEST_S:
                raise LimitError(
                    f"The session's {name} is {getattr(self, name)!r}, which is not between {SHORTEST_S} and "
                    f"{LONGEST_S:,.0f} seconds."
                )


@dataclass(frozen=True, slots=True)
class Held:
    """The process of a session that has begun."""

    server: Server
    lease: Lease
    isolation: Isolation
    until: float


class Session:
    """Several programs in one contained process and one namespace: what one defines, the next one finds.

    Made by `Sandbox.session`. The process is forked for the first program and stopped between programs. Each program
    has its own output, limits and outcome. The session goes on after a program that ended ``ok``, ``error`` or
    ``no_result``, or called `sys.exit`; anything else (a limit passed, a crash, a process ended) ends the whole
    session, and so do its own totals. A program after that is not run, and its status is ``setup_failed``.

    May be used from any thread; its programs run one at a time.

    Attributes:
        ended: Why no further program can be run, None as long as one can.
    """

    def __init__(self, station: Station, limits: Limits, totals: Totals, files: Files | None = None) -> None:
        self.ended: str | None = None
        self._station, self._limits, self._totals, self._files = station, limits, totals, files
        self._folder = ""
        self._held: Held | None = None
        self._isolation = Isolation(level=station.profile.level)
        self._running: Ticket | None = None
        self._turn = threading.Lock()
        self._process = os.getpid()
        self._programs, self._cpu_s = 0, 0.0
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self._clearing: weakref.finalize[Any, Any] | None = None

    def run(self, program: str, returns: str = "", limits: Limits | None = None, stdin: str | bytes = "") -> Outcome:
        """Run the next program and wait for what becomes of it.

        Args:
            program: Python source; it runs at module level, in the namespace that the programs before it left.
            returns: What to answer with: a name, or a call like ``"solution()"``; ``""`` for nothing.
            limits: In place of the session's; the same `memory_bytes`, which the process has as a whole.
            stdin: What it reads from standard input.

        Raises:
            SandboxError: The sandbox cannot be used; never for anything that a program does.
        """
        checked = Program.checked(program, returns, stdin, self._files is not None)
        return self._run(checked, self._bounds(limits), Ticket())

    async def arun(
        self, program: str, returns: str = "", limits: Limits | None = None, stdin: str | bytes = ""
    ) -> Outcome:
        """Run the next program without blocking the event loop; cancelling kills it, and ends the session.

        Raises:
            SandboxError: As `run`.
        """
        checked, ticket = Program.checked(program, returns, stdin, self._files is not None), Ticket()
        future = self._station.threads.submit(self._run, checked, self._bounds(limits), ticket)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            ticket.cancel()
            raise

    def close(self) -> None:
        """End the session and its process; a program that runs is killed."""
        if os.getpid() != self._process:
            return
        running = self._running
        if running is not None:
            running.cancel()
        with self._turn:
            self._end("its session is closed")

    def _bounds(self, limits: Limits | None) -> Limits:
        if limits is not None and limits.memory_bytes != self._limits.memory_bytes:
            raise LimitError(
                f"memory_bytes is {limits.memory_bytes:,} for one program of a session whose process has "
                f"{self._limits.memory_bytes:,}: give it to Sandbox.session, for all of its programs."
            )
        return limits or self._limits

    def _run(self, program: Program, limits: Limits, ticket: Ticket) -> Outcome:
        if os.getpid() != self._process:
            return self._refusal("its session belongs to the process that opened it")
        with self._turn:
            self._look()
            if self.ended or ticket.cancelled:
                return self._refusal(self.ended or "it was called off")
            self._programs += 1
            self._running = ticket
            try:
                if self._held is None:
                    self._station = POOL.station(self._station.profile)  # all may have been shut down meanwhile
                    if self._files is not None:
                        self._folder = POOL.cabinet.lay_out(self._files)
                        self._clearing = weakref.finalize(self, POOL.cabinet.clear, self._folder)
                        self._clearing.atexit = False
                    outcome = self._station.service(self._folder).run(
                        self._station.slots,
                        lambda server, isolation: self._begin(server, isolation, program, limits, ticket),
                    )
                else:
                    outcome = self._go_on(self._held, program, limits, ticket)
            except BaseException:
                self._end(f"its session ended with program {self._programs}, which could not be run")
                raise
            finally:
                self._running = None
            self._settle(outcome, ticket)
            return outcome

    def _begin(self, server: Server, isolation: Isolation, program: Program, limits: Limits, ticket: Ticket) -> Outcome:
        """Run the first program, in a process of this server's."""
        lease = server.lease(self._folder)
        self._held = held = Held(server, lease, isolation, time.monotonic() + self._totals.wall_s)
        self._isolation = isolation
        self._finalizer = weakref.finalize(self, server.give_back, lease)
        self._finalizer.atexit = False
        try:
            return self._supervise(held, program, limits, ticket)
        except ServerLost:
            self._let_go()  # nothing is lost yet: another server begins anew
            raise

    def _go_on(self, held: Held, program: Program, limits: Limits, ticket: Ticket) -> Outcome:
        with self._station.slots:
            self._look()  # the wait for a place may have been long
            if self.ended:
                return self._refusal(self.ended)
            try:
                return self._supervise(held, program, limits, ticket)
            except ServerLost as error:
                text = f"The sandbox's server was lost under this session: {error} ({held.server.state()})."
                return Outcome(status=Status.SETUP_FAILED, error=text, isolation=held.isolation)

    def _supervise(self, held: Held, program: Program, limits: Limits, ticket: Ticket) -> Outcome:
        """Run a program within what is left of the session's time."""
        left = {"wall_s": held.until - time.monotonic(), "cpu_s": self._totals.cpu_s - self._cpu_s}
        short = {name: max(s, SHORTEST_S) for name, s in left.items() if s < getattr(limits, name)}
        bounds = limits.model_copy(update=short) if short else limits
        ticket.hold(held.lease)
        try:
            turn = Turn(os.urandom(len(messages.ALONE)), self._totals.cpu_s, held.until)
            outcome = supervise(held.lease, program, bounds, held.isolation, turn)
        finally:
            ticket.hold(None)
        self._cpu_s += outcome.cpu_s
        if outcome.status is Status.TIMEOUT and "wall_s" in short:
            return outcome.model_copy(update={"error": f"The session lasted longer than {self._totals.wall_s:g} s."})
        if outcome.status is Status.CPU_LIMIT and "cpu_s" in short:
            error = f"The session used more than {self._totals.cpu_s:g} s of processor time."
            return outcome.model_copy(update={"error": error})
        return outcome

    def _look(self) -> None:
        """See whether the process still stands where the last program left it."""
        held = self._held
        if held is None or self.ended:
            return
        if not held.lease.open:
            return self._end("the server of its session has ended")
        if _readable(held.lease.server.fileno()):
            try:
                report = report_of(held.lease.server)
            except ServerLost as error:
                return self._end(f"the server of its session has ended ({error})")
            if report.cause == messages.TIMEOUT:
                return self._end(f"its session lasted longer than {self._totals.wall_s:g} s")
            number = report.wait_status & 0x7F
            name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
            return self._end(f"the process of its session was killed by {name} between two programs")
        if _readable(held.lease.channel.fileno()):
            return self._end("something that its session left running wrote to the result pipe")
        if held.until - time.monotonic() < SHORTEST_S:
            return self._end(f"its session lasted longer than {self._totals.wall_s:g} s")
        if self._totals.cpu_s - self._cpu_s < SHORTEST_S:
            return self._end(f"its session has used {self._totals.cpu_s:g} s of processor time")
        return None

    def _settle(self, outcome: Outcome, ticket: Ticket) -> None:
        """Decide whether the session goes on."""
        held = self._held
        if ticket.cancelled:
            self._end(f"its session ended with program {self._programs}, which was called off")
        elif held is None or not held.lease.paused or outcome.status not in GOES_ON:
            self._end(f"its session ended with program {self._programs} ({outcome.status})")
        elif self._programs >= self._totals.programs:
            self._end(f"its session has run the {self._totals.programs} programs that it may")

    def _end(self, reason: str) -> None:
        self.ended = self.ended or reason
        self._let_go()
        if self._clearing is not None:
            self._clearing()

    def _let_go(self) -> None:
        self._held = None
        if self._finalizer is not None:
            self._finalizer()

    def _refusal(self, reason: str) -> Outcome:
        text = f"The program was not run, because {reason}; open another session."
        return Outcome(status=Status.SETUP_FAILED, error=text, isolation=self._isolation)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    def __repr__(self) -> str:
        state = f"ended: {self.ended}" if self.ended else f"{self._programs} programs"
        return f"<Session {state}>"


def _readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))
