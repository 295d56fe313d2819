"""What is run: a program's source, what it is asked for, and what it reads."""

import re
from dataclasses import dataclass
from typing import Final

from sandbox.errors import SandboxError

_RETURNS: Final = re.compile(r"[^\W\d]\w*(\(\))?")


@dataclass(frozen=True, slots=True)
class Program:
    """One program.

    Attributes:
        source: Its text.
        returns: What to answer with: a name it defines, or a call like ``"solution()"``; ``""`` for nothing.
        stdin: What it reads from standard input.
        files: Whether it has files to read.
    """

    source: str
    returns: str = ""
    stdin: bytes = b""
    files: bool = False

    @classmethod
    def checked(cls, source: str, returns: str, stdin: str | bytes, files: bool = False) -> "Program":
        """A program of what a caller wrote.

        Raises:
            SandboxError: It asks for something that is neither a name nor a call, or is no text.
        """
        if not isinstance(source, str):
            raise SandboxError(f"A program is text, but this one is {type(source).__name__}.")
        if returns and not _RETURNS.fullmatch(returns):
            raise SandboxError(
                f"returns is {returns!r}, but must be a name such as 'ans', or a call such as 'solution()'."
            )
        if isinstance(stdin, str):
            stdin = stdin.encode("utf-8", "surrogatepass")
        elif not isinstance(stdin, bytes):
            raise SandboxError(f"stdin is text or bytes, but this is {type(stdin).__name__}.")
        return cls(source, returns, stdin, files)
