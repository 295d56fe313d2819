"""The end of a command by the person, or by whoever runs it for them."""

import signal
import threading


class Interrupted(BaseException):
    """The person ended the command.

    Args:
        resume: The command that goes on, or "".
    """

    def __init__(self, resume: str = "") -> None:
        super().__init__(resume)
        self.resume = resume


def end_on_sigterm() -> None:
    """SIGTERM (from Slurm, docker stop, a shutdown) ends the command as Ctrl-C does."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
