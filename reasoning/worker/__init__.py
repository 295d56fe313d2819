"""Work on untrusted text in a process that is killed when it takes too long."""

from reasoning.worker.client import Allowance, Overrun, Worker

__all__ = ["Allowance", "Overrun", "Worker"]
