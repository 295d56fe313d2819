"""The servers that this process shares, by profile: started when needed, replaced when lost or worn, ended with it."""

import atexit
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from sandbox.canary import examine
from sandbox.limits import Limits
from sandbox.outcome import Isolation, Outcome, Status
from sandbox.program import Program
from sandbox.server import Lease, Profile, Server, ServerLost
from sandbox.supervise import supervise

WORN: Final = 50_000
"""Programs after which a server gives way to a new one."""


class Ticket:
    """One program's place: how to call it off from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lease: Lease | None = None
        self.cancelled = False

    def hold(self, lease: Lease | None) -> None:
        """The child that the program runs in, or None when it no longer does."""
        with self._lock:
            self._lease = lease
            if self.cancelled and lease is not None:
                lease.abandon()

    def cancel(self) -> None:
        """Kill the program, or let it not begin."""
        with self._lock:
            self.cancelled = True
            if self._lease is not None:
                self._lease.abandon()


class Station:
    """The server of one profile, whichever process it is at the moment, and how many programs it runs at once.

    Attributes:
        profile: What the server is started for.
        slots: One for each program that may run at once.
        threads: Threads that wait for programs, for `map` and `arun`: as many as there are slots.
        server: The server, where one runs.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.slots = threading.BoundedSemaphore(profile.spares)
        self.threads = ThreadPoolExecutor(profile.spares, thread_name_prefix="sandbox")  # they hardly compute
        self.server: Server | None = None
        self._lock = threading.Lock()
        self._current: Future[tuple[Server, Isolation]] | None = None

    def ready(self) -> tuple[Server, Isolation]:
        """The running server, started now if there is none; many threads wait for one start.

        Raises:
            SandboxError: It cannot be started; the next call tries again.
        """
        with self._lock:
            mine = self._current is None
            current = self._current = self._current or Future()
        if mine:
            try:
                started = _start(self.profile)
                self.server = started[0]  # before anyone gets it, who may find it lost
                current.set_result(started)
            except BaseException as error:  # noqa: BLE001 (whoever waits must hear of it)
                with self._lock:
                    if self._current is current:
                        self._current = None
                current.set_exception(error)
        return current.result()

    def run(self, program: Program, limits: Limits, ticket: Ticket) -> Outcome:
        """Run one program in a process of its own."""

        def on(server: Server, isolation: Isolation) -> Outcome:
            lease = server.lease()
            try:
                ticket.hold(lease)
                return supervise(lease, program, limits, isolation)
            finally:
                ticket.hold(None)
                server.give_back(lease)

        return self.on_a_server(on)

    def on_a_server(self, deed: Callable[[Server, Isolation], Outcome]) -> Outcome:
        """Run a program on the server when a slot is free, and on a second server if the first is lost under it."""
        reasons: list[str] = []
        for _ in range(2):
            server, isolation = self.ready()
            with self.slots:
                try:
                    outcome = deed(server, isolation)
                except ServerLost as error:
                    reasons.append(f"{error} ({server.state()})")
                else:
                    if server.worn(WORN):
                        threading.Thread(target=self._renew, args=(server,), daemon=True).start()
                    return outcome
            if self._replace(server, None):
                server.kill()
                server.close()
        text = f"The sandbox's server was lost twice under this program: {'; '.join(reasons)}."
        return Outcome(status=Status.SETUP_FAILED, error=text, isolation=isolation)

    def _renew(self, worn: Server) -> None:
        """Start another server beside a worn one, then let that one finish what it has."""
        successor: Future[tuple[Server, Isolation]] = Future()
        successor.set_result(_start(self.profile))
        if self._replace(worn, successor):
            worn.retire()
        else:
            successor.result()[0].close()

    def _replace(self, server: Server, successor: "Future[tuple[Server, Isolation]] | None") -> bool:
        """Put another in the place of this server; False where it has lost it already."""
        with self._lock:
            if self.server is not server:
                return False
            self._current, self.server = successor, successor.result()[0] if successor else None
            return True

    def end(self) -> None:
        """End the server, if one runs."""
        server = self.server
        if server is not None and self._replace(server, None):
            server.close()

    def forget(self) -> None:
        """In a fork of this process."""
        if self.server is not None:
            self.server.forget()


def _start(profile: Profile) -> tuple[Server, Isolation]:
    server = Server(profile)
    try:
        return server, examine(server)
    except BaseException:
        server.close()
        raise


class Pool:
    """All stations of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stations: dict[Profile, Station] = {}

    def station(self, profile: Profile) -> Station:
        """The station of a profile."""
        with self._lock:
            if profile not in self._stations:
                self._stations[profile] = Station(profile)
            return self._stations[profile]

    def end(self) -> None:
        """End all servers. The next program starts another."""
        with self._lock:
            stations, self._stations = list(self._stations.values()), {}
        for station in stations:
            station.end()

    def forget(self) -> None:
        """In a fork of this process: the servers are the parent's."""
        for station in self._stations.values():
            station.forget()
        self.__init__()  # type: ignore[misc]


POOL: Final = Pool()
atexit.register(POOL.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.forget)
