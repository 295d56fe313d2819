"""How an untrusted program is run; knows nothing of the other packages."""

from sandbox.doctor import Diagnosis, doctor
from sandbox.errors import LevelError, LimitError, PreloadError, SandboxError
from sandbox.limits import Limits
from sandbox.outcome import Isolation, Outcome, Status
from sandbox.sandbox import LEVELS, Level, Sandbox, shutdown, warm

__all__ = [
    "LEVELS",
    "Diagnosis",
    "Isolation",
    "Level",
    "LevelError",
    "LimitError",
    "Limits",
    "Outcome",
    "PreloadError",
    "Sandbox",
    "SandboxError",
    "Status",
    "doctor",
    "shutdown",
    "warm",
]
