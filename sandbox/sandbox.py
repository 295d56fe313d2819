"""The handle: limits, level and preload of programs to run; the servers behind it are shared by the process."""

import asyncio
import importlib.util
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from functools import cached_property, lru_cache
from typing import Final, Literal, Self, get_args

from sandbox.errors import LevelError, SandboxError
from sandbox.files import Files
from sandbox.limits import Limits
from sandbox.outcome import Outcome
from sandbox.pool import POOL, Station, Ticket
from sandbox.program import Program
from sandbox.server import Profile
from sandbox.session import Session, Totals

Level = Literal["strict", "standard", "minimal", "unsafe"]

LEVELS: Final[tuple[str, ...]] = get_args(Level)
PACKAGES: Final = ("numpy", "sympy")
"""Preloaded where they are installed, unless said otherwise."""


class Sandbox:
    """Runs untrusted Python programs, each in a process of its own that is used once.

    Cheap to make, safe to share between threads and event loops; the server behind it starts with the first program, or
    with `warm`, is shared by all handles of one level, preload and `parallel`, and ends with the process.

    Args:
        limits: What one program may use.
        level: How it is contained; never weaker than asked for.
        preload: Modules imported before any program runs, so that a program's own import of them takes no time. Unset,
            numpy and sympy where they are installed. A program whose text imports nothing but cheap modules of the
            standard library runs on a server that has none of numpy, sympy and scipy loaded, which is twice as fast.
        parallel: Programs at once; unset, one a core.

    Raises:
        LevelError: There is no such level, or this machine cannot give it.
        LimitError: A limit is out of its range.

    Example:
        >>> with Sandbox(limits=Limits(wall_s=2)) as box:
        ...     box.run("ans = sum(range(10))", returns="ans").value
        45
    """

    def __init__(
        self,
        limits: Limits | None = None,
        level: Level = "standard",
        preload: Iterable[str] | None = None,
        parallel: int | None = None,
    ) -> None:
        if level not in LEVELS:
            raise LevelError(f"There is no sandbox level {level!r}; there are {', '.join(LEVELS)}.")
        if sys.platform != "linux":
            raise LevelError(
                f"The sandbox runs programs on Linux only, not on {sys.platform}: "
                "run this in Docker, or on Windows in WSL2."
            )
        if parallel is not None and parallel < 1:
            raise SandboxError(f"parallel is {parallel}, but at least 1 program must run at a time.")
        self.limits = limits or Limits()
        self.level: Level = level
        names = [name for name in PACKAGES if _folder(name) is not None] if preload is None else preload
        self.preload = tuple(dict.fromkeys(names))
        self.parallel = parallel or len(os.sched_getaffinity(0))

    @property
    def _station(self) -> Station:
        return POOL.station(self._profile)

    @cached_property
    def _profile(self) -> Profile:
        folders = dict.fromkeys(folder for folder in map(_folder, self.preload) if folder)
        return Profile(self.level, self.preload, tuple(folders), self.parallel)

    def warm(self) -> "Future[object]":
        """Start the server in the background; the future is done when it is up, or has the error."""
        station, future = self._station, Future[object]()

        def start() -> None:
            try:
                future.set_result(station.warm())
            except BaseException as error:  # noqa: BLE001 (whoever waits must hear of it)
                future.set_exception(error)

        threading.Thread(target=start, name="sandbox-warm").start()  # none of those that programs wait in
        return future

    def run(
        self,
        program: str,
        returns: str = "ans",
        limits: Limits | None = None,
        stdin: str | bytes = "",
        files: Files | None = None,
    ) -> Outcome:
        """Run one program and wait for what becomes of it.

        Args:
            program: Python source; it runs at module level, as `__main__`.
            returns: What to answer with: a name it defines, or a call like ``"solution()"``; ``""`` for nothing.
            limits: In place of the handle's.
            stdin: What it reads from standard input.
            files: What it may read besides: contents by name, or the path of a folder that is copied. The program
                stands in the folder that holds them, so it opens them by their names, and can write nothing there.

        Raises:
            SandboxError: The sandbox cannot be used; never for anything that the program does.
        """
        return self._run(Program.checked(program, returns, stdin, files is not None), limits, files, Ticket())

    def _run(self, program: Program, limits: Limits | None, files: Files | None, ticket: Ticket) -> Outcome:
        with POOL.cabinet.laid_out(files) as folder:
            return self._station.run(program, limits or self.limits, ticket, folder)

    def map(
        self,
        programs: Iterable[str],
        returns: str = "ans",
        limits: Limits | None = None,
        stdin: str | bytes | Sequence[str | bytes] = "",
        files: Files | None = None,
    ) -> list[Outcome]:
        """Run many programs in parallel; the outcomes come in the order of the programs.

        Args:
            programs: As in `run`, each.
            returns: As in `run`, for all of them.
            limits: As in `run`, for each of them.
            stdin: What all of them read; or a list with what each of them reads.
            files: As in `run`, the same for all of them.

        Raises:
            SandboxError: As `run`.
        """
        station, bounds = self._station, limits or self.limits
        tickets: list[Ticket] = []
        futures: list[Future[Outcome]] = []
        with POOL.cabinet.laid_out(files) as folder:
            try:
                for program, given in _pairs(programs, stdin):
                    checked, ticket = Program.checked(program, returns, given, files is not None), Ticket()
                    futures.append(station.threads.submit(station.run, checked, bounds, ticket, folder))
                    tickets.append(ticket)
                return [future.result() for future in futures]
            finally:
                for future, ticket in zip(futures, tickets, strict=True):
                    if not future.done():
                        future.cancel()
                        ticket.cancel()

    async def arun(
        self,
        program: str,
        returns: str = "ans",
        limits: Limits | None = None,
        stdin: str | bytes = "",
        files: Files | None = None,
    ) -> Outcome:
        """Run one program without blocking the event loop; cancelling kills it.

        Raises:
            SandboxError: As `run`.
        """
        checked, ticket = Program.checked(program, returns, stdin, files is not None), Ticket()
        future = self._station.threads.submit(self._run, checked, limits, files, ticket)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            ticket.cancel()
            raise

    def session(
        self,
        limits: Limits | None = None,
        programs: int = Totals.programs,
        wall_s: float = Totals.wall_s,
        cpu_s: float = Totals.cpu_s,
        files: Files | None = None,
    ) -> Session:
        """Open a session: programs one after the other in one process, each of which finds what the last one defined.

        Args:
            limits: What each of its programs may use, in place of the handle's; `memory_bytes` is for all together.
            programs: How many programs it may run.
            wall_s: Seconds from the start of its first program to the end of its last, waiting between them included.
            cpu_s: Seconds of processor time of all its programs together.
            files: What all its programs may read, as in `run`.

        Raises:
            LimitError: One of these is out of its range.

        Example:
            >>> with Sandbox().session() as session:
            ...     outcome = session.run("x = 2")
            ...     session.run("y = x + 1", returns="y").value
            3
        """
        return Session(self._station, limits or self.limits, Totals(programs, wall_s, cpu_s), files)

    def close(self) -> None:
        """Nothing to let go of: the servers are shared, and end with the process or with `sandbox.shutdown()`."""

    def __enter__(self) -> Self:
        self.warm()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"Sandbox(limits={self.limits!r}, level={self.level!r}, preload={self.preload!r}, parallel={self.parallel})"
        )


def warm(level: Level = "standard", preload: Iterable[str] | None = None) -> "Future[object]":
    """Start the server of a profile in the background, so that the first program need not wait for it."""
    return Sandbox(level=level, preload=preload).warm()


def shutdown() -> None:
    """End all servers of this process now; the next program starts another."""
    POOL.end()


def _pairs(programs: Iterable[str], stdin: str | bytes | Sequence[str | bytes]) -> Iterable[tuple[str, str | bytes]]:
    if isinstance(stdin, str | bytes):
        return ((program, stdin) for program in programs)
    listed = list(programs)
    if len(listed) != len(stdin):
        raise SandboxError(f"stdin is a list of {len(stdin)} for {len(listed)} programs: give one for each, or a text.")
    return zip(listed, stdin, strict=True)


def _folder(name: str) -> str | None:
    """The folder on the import path that a module would come from, or None where there is none."""
    try:
        return _found(name.partition(".")[0], tuple(sys.path))
    except (ImportError, ValueError):
        return None


@lru_cache(maxsize=256)
def _found(name: str, _path: tuple[str, ...]) -> str:
    """The folder of a module; what is not found is looked for again the next time."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None or not spec.has_location:  # built in, frozen, or a namespace
        raise ImportError(name)
    place = os.path.dirname(os.path.abspath(spec.origin))
    return os.path.dirname(place) if spec.submodule_search_locations else place
