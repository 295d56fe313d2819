"""How an untrusted program is run; knows nothing of the other packages.

Names are imported when they are first used, so that what needs only `sandbox.errors` starts fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.diagnosis import Diagnosis, doctor
    from sandbox.errors import LevelError, LimitError, PreloadError, SandboxError
    from sandbox.limits import Limits
    from sandbox.outcome import Isolation, Outcome, Status
    from sandbox.sandbox import LEVELS, Level, Sandbox, shutdown, warm
    from sandbox.session import Session

_NAMES = {
    "LEVELS": "sandbox.sandbox",
    "Diagnosis": "sandbox.diagnosis",
    "Isolation": "sandbox.outcome",
    "Level": "sandbox.sandbox",
    "LevelError": "sandbox.errors",
    "LimitError": "sandbox.errors",
    "Limits": "sandbox.limits",
    "Outcome": "sandbox.outcome",
    "PreloadError": "sandbox.errors",
    "Sandbox": "sandbox.sandbox",
    "SandboxError": "sandbox.errors",
    "Session": "sandbox.session",
    "Status": "sandbox.outcome",
    "doctor": "sandbox.diagnosis",
    "shutdown": "sandbox.sandbox",
    "warm": "sandbox.sandbox",
}

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
    "Session",
    "Status",
    "doctor",
    "shutdown",
    "warm",
]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'sandbox' has no attribute {name!r}")
    value = getattr(importlib.import_module(_NAMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
