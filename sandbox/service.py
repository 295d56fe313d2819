"""The server of one profile, whichever process it is at the moment: started when needed, replaced when lost or worn."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from sandbox.canary import examine
from sandbox.outcome import Isolation, Outcome, Status
from sandbox.server import Profile, Server, ServerLost

WORN: Final = 50_000
"""Programs after which a server gives way to a new one."""


class Service:
    """The server of one profile.

    Attributes:
        profile: What it is started for.
        server: The server, where one runs.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
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

    def run(self, slots: threading.BoundedSemaphore, deed: Callable[[Server, Isolation], Outcome]) -> Outcome:
        """Run a program on the server when a slot is free, and on a second server if the first is lost under it."""
        reasons: list[str] = []
        for _ in range(2):
            server, isolation = self.ready()
            with slots:
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
