"""The server: imports the preloaded packages once, then forks a contained child a program.

It starts as ``python -I`` with an environment of its own, never as a fork of the caller, whose memory holds keys. It
sees neither programs nor answers, those go between caller and child; so no child can find another's in the memory it
inherits. It forks children ahead of need, keeps their time, and reports how they ended. When its caller is gone, so
is it.
"""

import contextlib
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from sandbox import memory, messages
from sandbox.child import live
from sandbox.group import Group

LONGEST_SLEEP: Final = 3600.0
RETRY_S: Final = 0.02
CHECK_S: Final = 0.005

STOP_TRIES: Final = 20
STOP_S: Final = 20e-6
"""How often, and how many seconds apart, to look whether a child that was stopped stands still: as a rule it does at
once. On a busy machine it is looked at again every `CHECK_S`, so that nobody else waits for it."""


@dataclass(slots=True)
class Child:
    """A child, from its fork to its end."""

    pid: int
    pidfd: int
    lease: socket.socket
    started: float = 0.0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    cpu_before: float = 0.0
    memory: int = 0
    process: int = 0
    kills: int = 0
    check: float = float("inf")
    look: float = float("inf")
    cause: int = messages.ENDED
    paused: bool = False
    stopping: bool = False
    took_s: float = 0.0

    def cpu(self) -> float:
        """Processor seconds since the program started, by the kernel's clock of this process."""
        try:
            return time.clock_gettime((~self.pid << 3) | 2) - self.cpu_before
        except OSError:
            return 0.0  # it has just ended: `wait4` will tell

    def message(self) -> bytes | None:
        """What the caller says over the lease: empty when it has let go of it, None when it says nothing."""
        try:
            return self.lease.recv(messages.START.size)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            return b""

    def start(self, message: bytes) -> None:
        """The program's time begins."""
        self.wall_s, self.cpu_s, self.memory = messages.START.unpack(message)
        self.cpu_before = 0.0
        self.cpu_before = self.cpu()
        self.started = time.monotonic()
        if self.paused:
            self.paused = False
            os.kill(self.pid, signal.SIGCONT)

    def pause(self, message: bytes) -> None:
        """Have it stop between two programs of a session."""
        if self.cause:
            return
        os.kill(self.pid, signal.SIGSTOP)
        self.paused = self.stopping = True
        self.wall_s, self.took_s, self.cpu_s = *messages.PAUSE.unpack(message), self.lasted(), float("inf")
        self.started = time.monotonic()
        self.check, self.look = self.started + self.wall_s, float("inf")
        for _ in range(STOP_TRIES):
            if self.has_stopped():
                return
            time.sleep(STOP_S)

    def has_stopped(self) -> bool:
        """Whether it stands still, or has ended, which `Zygote.reap` tells; says once what the last program took."""
        seen = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
        if seen is None:
            return False
        self.stopping = False
        if seen.si_code == os.CLD_STOPPED:
            _, _, usage = os.wait4(self.pid, os.WUNTRACED | os.WNOHANG)
            with contextlib.suppress(OSError):  # the caller has let go of it
                self.lease.send(self.report(0, messages.PAUSED, self.took_s, usage))
        return True

    def lasted(self) -> float:
        """Wall-clock seconds since the program started."""
        return time.monotonic() - self.started if self.started else 0.0

    def report(self, status: int, cause: int, wall: float, usage: resource.struct_rusage) -> bytes:
        """What became of it, for the caller."""
        cpu = max(0.0, usage.ru_utime + usage.ru_stime - self.cpu_before)
        return messages.REPORT.pack(status, cause, wall, cpu, usage.ru_maxrss * 1024)

    def kill(self, cause: int) -> None:
        """Kill it, for this cause unless it was killed already."""
        self.cause = self.cause or cause
        self.check = self.look = float("inf")
        os.kill(self.pid, signal.SIGKILL)


class Zygote:
    """The loop of a server.

    Args:
        control: The socket to the caller.
        caller: A pidfd of the caller, the second sign of its end.
        spares: How many children to fork ahead; none where each is forked for a folder that it is given.
        contain: What each child puts on; with which folder of files to read.
        fork: As `os.fork`.
        taken: Address space of this process in bytes, and how much of it can be written: what every child starts with.
        scales: What weighs the children, where there is a /proc.
        around: The control group around this process, where one can be had.
    """

    def __init__(
        self,
        control: socket.socket,
        caller: int,
        spares: int,
        contain: Callable[[str], int | None],
        fork: Callable[[], int],
        taken: tuple[int, int],
        scales: memory.Scales | None,
        around: Group | None,
    ) -> None:
        self.control, self.caller, self.spares = control, caller, spares
        self.contain, self.taken, self.scales = contain, taken, scales
        self.around = around
        self.pid = os.getpid()
        self.cpus = len(os.sched_getaffinity(0))
        self.leases: dict[int, Child] = {}
        self.pidfds: dict[int, Child] = {}
        self.owed: list[str] = []
        self.os_fork = fork
        self.poll = select.epoll()
        self.poll.register(control.fileno(), select.EPOLLIN)
        self.poll.register(caller, select.EPOLLIN)

    def serve(self) -> NoReturn:
        """Serve until the caller is gone."""
        for _ in range(self.spares):
            self.fork("")
        while True:
            for fd, _ in self.poll.poll(self.patience()):
                if fd == self.caller:
                    self.end()
                if fd == self.control.fileno():
                    self.take_order()
                elif fd in self.leases:
                    self.hear(self.leases[fd])
                elif fd in self.pidfds:
                    self.reap(self.pidfds[fd])
            self.watch()
            owed, self.owed = self.owed, []
            for folder in owed:
                self.fork(folder)

    def take_order(self) -> None:
        """The caller wants a child with a folder of files, or is gone."""
        try:
            order = self.control.recv(messages.ERROR_BYTES)
        except OSError:
            order = b""
        if not order:
            self.end()
        self.fork(os.fsdecode(order.removeprefix(messages.ORDER)))

    def fork_another(self) -> None:
        """Fork one in place of a child that was ahead."""
        if self.spares:
            self.fork("")

    def fork(self, folder: str) -> None:
        """Fork one child and lease it to the caller, who may start it at any time."""
        lease, lease_out = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        lease.setblocking(False)
        channel, channel_out = socket.socketpair()
        stdout_out, stdout = os.pipe()
        stderr_out, stderr = os.pipe()
        try:
            pid = self.os_fork()
        except OSError:  # no process is to be had at the moment: the caller waits until one is
            self.owed.append(folder)
            for fd in (stdout_out, stdout, stderr_out, stderr):
                os.close(fd)
            for end in (lease, lease_out, channel, channel_out):
                end.close()
            return
        if not pid:
            live((stdout, stderr, channel.fileno()), self.pid, self.taken, lambda: self.contain(folder))
        for fd in (stdout, stderr):
            os.close(fd)
        channel.close()
        born = Child(pid, os.pidfd_open(pid), lease)
        self.leases[lease.fileno()] = self.pidfds[born.pidfd] = born
        self.poll.register(lease.fileno(), select.EPOLLIN)
        self.poll.register(born.pidfd, select.EPOLLIN)
        fds = (lease_out.fileno(), channel_out.fileno(), stdout_out, stderr_out)
        with contextlib.suppress(BrokenPipeError):  # the caller is gone, as the loop will see
            socket.send_fds(self.control, [messages.LEASE.pack(pid)], fds)
        lease_out.close()
        channel_out.close()
        os.close(stdout_out)
        os.close(stderr_out)

    def hear(self, child: Child) -> None:
        """The caller starts the clock, or stops it between two programs of a session, or has let go of the child."""
        message = child.message()
        if message is None:
            return  # an event of a descriptor that had the same number, closed a moment ago
        if not message:
            self.ignore(child)
            child.kill(messages.ENDED)
        elif len(message) == messages.PAUSE.size:
            child.pause(message)
        else:
            first = not child.started
            child.start(message)
            child.check = child.started + min(child.wall_s, child.cpu_s / self.cpus)
            if self.around is not None:
                self.around.allow(other.memory for other in self.pidfds.values())
            if self.scales is not None:
                child.look = child.started + memory.pause(memory.most(child.memory))
            if first:
                self.fork_another()

    def ignore(self, child: Child) -> None:
        """Listen to its lease no more. Closing would not do: a child that was just forked may still hold a copy."""
        if self.leases.pop(child.lease.fileno(), None) is not None:
            self.poll.unregister(child.lease.fileno())

    def reap(self, child: Child) -> None:
        """A child has ended: report it, and let go of all that was its."""
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if not pid:
            return  # as in `hear`
        first = not child.started
        while message := child.message():  # so short a program may be over before its start was heard
            if len(message) == messages.START.size:
                child.start(message)
        if first:
            self.fork_another()
        if child.process and self.scales is not None and not child.cause and status == signal.SIGKILL:
            child.cause = messages.MEMORY if self.scales.kills() > child.kills else messages.ENDED
        self.ignore(child)
        del self.pidfds[child.pidfd]
        self.poll.unregister(child.pidfd)
        with contextlib.suppress(OSError):  # the caller has let go of it
            child.lease.send(child.report(status, child.cause, child.took_s if child.paused else child.lasted(), usage))
        child.lease.close()
        os.close(child.pidfd)

    def watch(self) -> None:
        """Kill what has used up its time."""
        now = time.monotonic()
        for child in self.pidfds.values():
            if child.stopping:
                child.has_stopped()
            if now >= child.look and self.scales is not None:
                self.weigh(child, self.scales, now)
            if now < child.check:
                continue
            left_wall = child.started + child.wall_s - now
            left_cpu = child.cpu_s - child.cpu()
            if left_wall <= 0 or left_cpu <= 0:
                child.kill(messages.TIMEOUT if left_wall <= 0 else messages.CPU)
            else:
                child.check = now + min(left_wall, max(left_cpu / self.cpus, CHECK_S))

    def weigh(self, child: Child, scales: memory.Scales, now: float) -> None:
        """Kill it if it holds too much memory."""
        if not child.process:
            child.process, child.kills = scales.find(child.pidfd), scales.kills()
        room = memory.most(child.memory) - scales.held(child.process, child.memory)
        if room < 0:
            child.kill(messages.MEMORY)
        else:
            child.look = now + memory.pause(room)

    def patience(self) -> float:
        """Seconds until some child's time may be up."""
        if self.owed:
            return RETRY_S
        nearest = min((min(child.check, child.look) for child in self.pidfds.values()), default=float("inf"))
        longest = CHECK_S if any(child.stopping for child in self.pidfds.values()) else LONGEST_SLEEP
        return min(max(nearest - time.monotonic(), 0.0), longest)

    def end(self) -> NoReturn:
        """Leave nothing behind."""
        for child in self.pidfds.values():
            os.kill(child.pid, signal.SIGKILL)
        for child in self.pidfds.values():
            os.waitpid(child.pid, 0)
        os._exit(0)
