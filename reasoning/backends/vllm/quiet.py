"""What vLLM and its processes say: on stderr where that is wanted, and in a file that is read after a failure.

Nothing of theirs may come to stdout, which belongs to the caller's answers.
"""

import contextlib
import json
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

_log = logging.getLogger("reasoning.vllm")
_ERROR = re.compile(r"^(?:[\w.]+\.)?(\w*(?:Error|Exception): .+)$", re.MULTILINE)
MOST_WORDS = 600
_OF_NO_USE = (
    "Engine core initialization failed",
    "WorkerProc initialization failed",
    "EngineCore encountered an issue",
)


class Quiet:
    """Where vLLM's processes write their errors, from now on."""

    def __init__(self) -> None:
        folder = Path(_folder().name)
        self._errors, self._settings = folder / "errors.log", folder / "logging.json"
        self._settings.write_text(json.dumps(_logging(self._errors)))
        self._from = self._errors.stat().st_size if self._errors.exists() else 0

    @contextlib.contextmanager
    def environment(self, hidden: Sequence[str] = ()) -> Iterator[None]:
        """The environment in which vLLM is imported and its processes start; what is set already stays as it is.

        Args:
            hidden: Variables that are not there inside: options that were given go before them.
        """
        ours = {
            "VLLM_LOGGING_CONFIG_PATH": str(self._settings),
            "VLLM_NO_USAGE_STATS": "1",  # it would report to its makers
        }
        hushed = {"TRANSFORMERS_VERBOSITY": "error", "PYTHONWARNINGS": "ignore", "TORCH_CPP_LOG_LEVEL": "ERROR"}
        with _environment(ours | _threads() | ({} if _log.isEnabledFor(logging.INFO) else hushed), hidden):
            yield

    @property
    def words(self) -> str:
        """What the processes said of the error that came first; "" where they said nothing."""
        try:
            said = self._errors.read_bytes()[self._from :].decode(errors="replace")
        except OSError:
            return ""
        causes = (words for words in _ERROR.findall(said) if not any(mark in words for mark in _OF_NO_USE))
        return " ".join(next(causes, "").split())[:MOST_WORDS]


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """One a process, until it ends: Python's logging keeps the file open."""
    return tempfile.TemporaryDirectory(prefix="reasoning-vllm-")


@contextlib.contextmanager
def stdout_apart() -> Iterator[None]:
    """What is written to file descriptor 1 inside goes to stderr: processes that start inside inherit that."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _logging(errors: Path) -> dict[str, object]:
    heard = logging.INFO if _log.isEnabledFor(logging.INFO) else logging.CRITICAL
    stream = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "told", "level": heard}
    file = {
        "class": "logging.FileHandler",
        "filename": str(errors),
        "formatter": "bare",
        "level": logging.ERROR,
        "delay": True,
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"told": {"format": "%(levelname)s vllm: %(message)s"}, "bare": {"format": "%(message)s"}},
        "handlers": {"stderr": stream, "errors": file},
        "loggers": {"vllm": {"handlers": ["stderr", "errors"], "level": min(heard, logging.ERROR), "propagate": False}},
    }


FEW_CPUS = 8


def _threads() -> dict[str, str]:
    """On a CPU vLLM pins its threads and sets one CPU aside, and its threads spin while they wait for each other.

    With few CPUs that leaves half of them idle, and all stands still as soon as another process wants one (measured on
    two busy CPUs: 80 tokens in 75 s as vLLM has it, in 3 s so).
    """
    few = (os.cpu_count() or 1) <= FEW_CPUS
    return {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_WAIT_POLICY": "passive"} if few else {}


@contextlib.contextmanager
def _environment(values: Mapping[str, str], hidden: Sequence[str]) -> Iterator[None]:
    """Variables that are not set already; afterwards all are as before, whatever was set inside (`LD_PRELOAD` is)."""
    before = dict(os.environ)
    for name in hidden:
        os.environ.pop(name, None)
    os.environ.update({name: value for name, value in values.items() if name not in before})
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
