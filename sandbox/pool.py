"""The servers that this process shares, by profile; how many programs run on them at once; ended with the process."""

import atexit
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from sandbox.files import Cabinet
from sandbox.imports import does_without_preload
from sandbox.limits import Limits
from sandbox.outcome import Isolation, Outcome
from sandbox.preload import WARM
from sandbox.program import Program
from sandbox.server import Lease, Profile, Server
from sandbox.service import Service
from sandbox.supervise import supervise


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
    """Where the programs of a profile run: its servers, and how many of them run at once.

    Attributes:
        profile: What its programs find loaded.
        slots: One for each program that may run at once.
        threads: Threads that wait for programs, for `map` and `arun`: as many as there are slots.
        plain: The server of the profile.
        bare: A server with nothing preloaded, for programs that can do without; None where the plain one has no more,
            or what it has loaded may be felt by programs that do not import it.
    """

    def __init__(self, profile: Profile, cabinet: Cabinet) -> None:
        self.profile = profile
        self.slots = threading.BoundedSemaphore(profile.spares)
        self.threads = ThreadPoolExecutor(profile.spares, thread_name_prefix="sandbox")  # they hardly compute
        self.plain = Service(profile)
        without = profile.preload and set(profile.preload) <= WARM.keys()
        self.bare = Service(replace(profile, preload=())) if without else None
        self._cabinet = cabinet
        self._lock = threading.Lock()
        self._with_files: Service | None = None

    @property
    def server(self) -> Server | None:
        """The server of the profile, where one runs."""
        return self.plain.server

    def ready(self) -> tuple[Server, Isolation]:
        """The server of the profile, started now if there is none.

        Raises:
            SandboxError: It cannot be started; the next call tries again.
        """
        return self.plain.ready()

    def warm(self) -> tuple[Server, Isolation]:
        """Start all servers but that for files."""
        if self.bare is not None:
            self.bare.ready()
        return self.plain.ready()

    def service(self, folder: str, source: str | None = None) -> Service:
        """The server for a program: one of its own for those with files, which shows each program its own.

        Args:
            folder: Of files; empty where there are none.
            source: Of the program; None for a session, whose later programs nobody knows yet.
        """
        if not folder:
            if self.bare is None or source is None or not does_without_preload(source):
                return self.plain
            return self.bare
        with self._lock:
            if self._with_files is None:
                self._with_files = Service(replace(self.profile, files=self._cabinet.root))
            return self._with_files

    def run(self, program: Program, limits: Limits, ticket: Ticket, folder: str = "") -> Outcome:
        """Run one program in a process of its own, with this folder of files to read."""

        def on(server: Server, isolation: Isolation) -> Outcome:
            lease = server.lease(folder)
            try:
                ticket.hold(lease)
                return supervise(lease, program, limits, isolation)
            finally:
                ticket.hold(None)
                server.give_back(lease)

        return self.service(folder, program.source).run(self.slots, on)

    def services(self) -> list[Service]:
        """All of its servers."""
        return [service for service in (self.plain, self.bare, self._with_files) if service is not None]


class Pool:
    """All stations of this process.

    Attributes:
        cabinet: Where files for programs are laid out.
    """

    def __init__(self) -> None:
        self.cabinet = Cabinet()
        self._lock = threading.Lock()
        self._stations: dict[Profile, Station] = {}

    def station(self, profile: Profile) -> Station:
        """The station of a profile."""
        with self._lock:
            if profile not in self._stations:
                self._stations[profile] = Station(profile, self.cabinet)
            return self._stations[profile]

    def end(self) -> None:
        """End all servers. The next program starts another."""
        with self._lock:
            stations, self._stations = list(self._stations.values()), {}
        for station in stations:
            for service in station.services():
                service.end()
        self.cabinet.end()

    def forget(self) -> None:
        """In a fork of this process: the servers, and the files, are the parent's."""
        for station in self._stations.values():
            for service in station.services():
                service.forget()
        self.cabinet.forget()
        self.__init__()  # type: ignore[misc]


POOL: Final = Pool()
atexit.register(POOL.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.forget)
