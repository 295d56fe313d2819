"""The end of a command by the person, or by whoever runs it for them."""

import signal
import threading


class Interrupted(BaseException):
    """The person ended the command.

    Args:
        resume: The command that goes on, or "".
        still_running: True where something has not let go in time, such as an engine in a long step. What is done is
            on the disk by then; the interpreter's orderly end would wait for the engine, or be torn down under it.
    """

    def __init__(self, resume: str = "", *, still_running: bool = False) -> None:
        super().__init__(resume)
        self.resume, self.still_running = resume, still_running


def end_on_sigterm() -> None:
    """SIGTERM (from Slurm, docker stop, a shutdown) ends the command as Ctrl-C does."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
