"""Where hostile programs run: the levels, the users, and machines that deny namespaces."""

import os
import site
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

NOBODY = 65534


@dataclass(frozen=True)
class Setting:
    """Where the corpus runs.

    Attributes:
        level: Of the sandbox.
        nobody: Whether as an ordinary user, without any privilege, rather than as whoever runs the tests.
        docker: Whether as in default Docker: few capabilities, no namespaces.
        session: Whether each program is the first of a session that has a file to read, with an honest one behind it.
    """

    level: str
    nobody: bool = False
    docker: bool = False
    session: bool = False

    def __str__(self) -> str:
        marks = {"-nobody": self.nobody, "-docker": self.docker, "-session": self.session}
        return self.level + "".join(mark for mark, so in marks.items() if so)


SETTINGS = [
    Setting("standard"),
    Setting("standard", nobody=True),
    Setting("standard", docker=True),
    Setting("strict"),
    Setting("strict", nobody=True),
    Setting("standard", session=True),
    Setting("strict", session=True),
]


def interpreter(user: int | None) -> str | None:
    """A Python of this version that the user may run, or None."""
    for candidate in (sys.executable, f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"):
        try:
            command = [candidate, "-I", "-c", "import encodings, json, ctypes"]
            if (
                subprocess.run(
                    command, user=user, extra_groups=None if user is None else [], capture_output=True
                ).returncode
                == 0
            ):
                return candidate
        except OSError:
            continue
    return None


def start(setting: Setting, script: str, words: IO[str], folder: str, **environment: str) -> "subprocess.Popen[str]":
    """A script of this folder in a process of its own, as the setting's user.

    Args:
        setting: Where it runs; living as in Docker is its own part.
        script: Its path.
        words: Where its standard error goes.
        folder: Where it starts.
        environment: Variables besides.

    Raises:
        Unavailable: This user, or this machine, cannot.
    """
    if setting.nobody and os.geteuid() != 0:
        raise Unavailable("only root can become another user")
    user = NOBODY if setting.nobody else None
    python = interpreter(user)
    if python is None:
        raise Unavailable("that user may run no Python of this version")
    root = Path(__file__).parents[2]
    paths = [str(root), str(root / "tests" / "support"), *site.getsitepackages()]
    fixed = {"PYTHONPATH": ":".join(paths), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [python, script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=words,
        text=True,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        cwd=folder,
        env={**fixed, **environment},
    )


class Unavailable(Exception):  # noqa: N818 (the test is skipped)
    """A setting that cannot be had here, and why."""
