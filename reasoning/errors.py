"""The errors of this project, one family, each with its remedy in the message.

    ReasoningError
    ├── UsageError              what was asked for cannot be done as asked (exit code 2)
    │   ├── UnknownNameError    no backend, strategy, task, field … of that name
    │   ├── MissingPackageError an optional package is not installed
    │   ├── MissingKeyError     an API key is not set
    │   ├── ConfigError         a field or option has a value out of its range
    │   ├── DataError           a file of items cannot be read
    │   └── StoreError          the store of draws cannot be used
    ├── RunStopped              what stops a whole run, not one draw
    │   ├── AuthenticationError the server refused the key, or its account has ended
    │   ├── BadRequestError     the server refused the request as such, and has answered none
    │   ├── NoAnswerError       the server never answered, or has answered nothing for long
    │   ├── SpendLimitError     the next draw would pass the spend limit
    │   └── StoreWriteError     a draw could not be stored (it is a StoreError too)
    └── BackendError            an engine failed to start, or is gone

`sandbox.SandboxError` stands beside it (the sandbox knows nothing of this package); `FAMILY` names both.
A failed *draw* is no exception: its completion carries a `Failure`, so that one failed draw never fails its batch.
"""

import difflib
from collections.abc import Iterable

from sandbox.errors import SandboxError


class ReasoningError(Exception):
    """Root of the family. The message is one sentence that names the remedy."""


class UsageError(ReasoningError):
    """What was asked for cannot be done as asked; the command line exits with code 2."""


class UnknownNameError(UsageError):
    """No such name: the message lists the known ones and the nearest.

    Args:
        what: The sort of thing, e.g. ``"backend"``.
        name: The name that was given.
        known: All names that would have been right.
    """

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        self.what, self.name, self.known = what, name, tuple(known)
        near = difflib.get_close_matches(name, self.known, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        shown = ", ".join(self.known[:40]) + (f", … ({len(self.known)} in all)" if len(self.known) > 40 else "")
        super().__init__(f"Unknown {what} {name!r}.{hint} Known: {shown or 'none'}.")


class MissingPackageError(UsageError):
    """An optional package is missing: the message gives the line that installs it.

    Args:
        package: The import name that was not found.
        install: The command that installs it.
        purpose: What it is needed for.
    """

    def __init__(self, package: str, install: str, purpose: str) -> None:
        self.package, self.install = package, install
        super().__init__(f"{purpose} needs the package {package!r}, which is not installed. Install it with: {install}")


class MissingKeyError(UsageError):
    """An API key is missing: the message names the variable."""


class ConfigError(UsageError):
    """A field or option has a value that it cannot have: the message says which, and the range."""


class DataError(UsageError):
    """A file of items cannot be read: the message gives file, line and what was expected."""


class StoreError(UsageError):
    """The store of draws cannot be used: corrupt, newer than this program, or on a network file system."""


class RunStopped(ReasoningError):  # noqa: N818 (it is the outcome of a run, not a fault of ours)
    """What stops a whole run at once, rather than failing one draw."""


class AuthenticationError(RunStopped):
    """The server refused the key, or its account has no credit; carries the server's words."""


class BadRequestError(RunStopped):
    """The server refused the request as such before it answered any; carries the server's words."""


class NoAnswerError(RunStopped):
    """The backend never answered, or has answered nothing for as long as draws are tried again; says why."""


class SpendLimitError(RunStopped):
    """The next draw could pass the spend limit; what is paid for is kept."""


class StoreWriteError(RunStopped, StoreError):
    """A draw could not be stored (disk full, or held by another process); the run stops, what is stored is kept."""


class BackendError(ReasoningError):
    """An engine failed to start, or is gone."""


FAMILY: tuple[type[Exception], ...] = (ReasoningError, SandboxError)
"""Every exception that this project raises on purpose: what a command line turns into one sentence."""
