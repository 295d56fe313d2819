"""What became of one program: decided by the supervisor alone, apart from the value that the program answered with."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from sandbox import wire

_CAPS = wire.Caps(bytes=2**31, depth=500, nodes=2**31, digits=2**31)  # the value has passed its run's own caps already


class Status(StrEnum):
    """How a program ended."""

    OK = "ok"
    """It ran to its end and its answer is in `Outcome.value`."""
    ERROR = "error"
    """It raised, or is no valid Python; `Outcome.error` has the traceback."""
    TIMEOUT = "timeout"
    """It passed the limit of wall-clock time."""
    CPU_LIMIT = "cpu_limit"
    """It passed the limit of processor time."""
    MEMORY_LIMIT = "memory_limit"
    """It asked for more memory than its limit."""
    OUTPUT_LIMIT = "output_limit"
    """It printed, or answered with, more than its limit."""
    EXITED = "exited"
    """It ended its process itself before it had answered."""
    SIGNAL = "signal"
    """A signal killed it, a crash of native code for instance."""
    NO_RESULT = "no_result"
    """It ran to its end, but what was asked for is not there or is nothing that can be returned."""
    PROTOCOL_ERROR = "protocol_error"
    """What came over the result pipe is no answer: the program wrote there itself."""
    SETUP_FAILED = "setup_failed"
    """It never ran: the sandbox could not contain it, or the session that it was for had ended."""


def _printable(text: Any) -> Any:
    """Text that every encoder takes: lone surrogates become their escapes."""
    return text.encode("utf-8", "backslashreplace").decode() if isinstance(text, str) else text


class _Unprintable(str):
    """Stands for a value that has no `repr`, by the name of its type."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{self} too long to print>"


Text = Annotated[str, BeforeValidator(_printable)]


class Isolation(BaseModel):
    """What held the program in.

    Attributes:
        level: ``"strict"``, ``"standard"``, ``"minimal"`` or ``"unsafe"``.
        layers: Each layer, with the evidence that it was active (text), or just whether it was.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: str
    layers: Mapping[str, str | bool] = {}


class Outcome(BaseModel):
    """What became of one program.

    Dumped (`model_dump_json`, `model_dump`), the value is in the tagged form of `sandbox.wire`, marked by
    ``"encoding": "tagged"``, so that every value comes back exactly: Fraction, nan, tuples, sets, bytes, …

    Attributes:
        status: How the program ended, from what the kernel says about its process.
        value: Its answer when the status is ``ok``, else None. The program alone vouches for it.
        stdout: What it printed, up to the limit.
        stderr: What it wrote to standard error, up to the limit.
        error: The traceback with the program's own lines, or one sentence on what went wrong; None when ``ok``.
        hint: A sentence that helps a model to repair the program; None when ``ok``.
        truncated: Whether stdout or stderr were cut at the limit.
        wall_s: Wall-clock seconds from start to end.
        cpu_s: Processor seconds, user and system.
        max_rss_bytes: Most memory it had resident at once.
        isolation: What held it in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    status: Status
    value: Any = None
    stdout: Text = ""
    stderr: Text = ""
    error: Text | None = None
    hint: Text | None = None
    truncated: bool = False
    wall_s: float = 0.0
    cpu_s: float = 0.0
    max_rss_bytes: int = 0
    isolation: Isolation

    @property
    def ok(self) -> bool:
        """Whether there is a value to read."""
        return self.status is Status.OK

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # Python refuses to print an integer of more than 4,300 digits, and with it whatever holds one.
        for name, field in super().__repr_args__():
            try:
                repr(field)
            except ValueError:
                yield name, _Unprintable(type(field).__name__)
            else:
                yield name, field

    @model_serializer(mode="wrap")
    def _tag_value(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = dump(self.model_copy(update={"value": None}))
        if "value" in fields:
            fields |= {"value": wire.tag(self.value, _CAPS), "encoding": "tagged"}
        return fields

    @model_validator(mode="before")
    @classmethod
    def _untag_value(cls, data: Any) -> Any:
        # The mark, not the mode, decides: a program's own value may look tagged, but it cannot set a key beside itself.
        if not isinstance(data, Mapping) or "encoding" not in data:
            return data
        fields = dict(data)
        if fields.pop("encoding") != "tagged":
            raise ValueError("the encoding of an outcome's value must be 'tagged'")
        fields["value"] = wire.untag(fields.get("value"), _CAPS)
        return fields
