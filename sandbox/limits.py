"""How much a program may use: a frozen model whose ranges are checked."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.errors import LimitError


class Limits(BaseModel):
    """What one program may use, at most.

    Attributes:
        wall_s: Seconds from its start to its end.
        cpu_s: Seconds of processor time, over all its threads.
        memory_bytes: Memory on top of what Python and the preloaded packages take: address space, and all else that the
            kernel can be made to hold.
        output_bytes: Bytes of standard output and, apart, of standard error.
        result_bytes: Bytes of the returned value, as written on the wire.

    Raises:
        LimitError: A limit is out of its range, or unknown: which, and the range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    wall_s: Annotated[float, Field(ge=0.01, le=3600)] = 5.0
    cpu_s: Annotated[float, Field(ge=0.01, le=3600)] = 5.0
    memory_bytes: Annotated[int, Field(ge=16 * 2**20, le=2**40)] = 2**30
    output_bytes: Annotated[int, Field(ge=0, le=2**28)] = 2**20
    result_bytes: Annotated[int, Field(ge=64, le=2**28)] = 2**20

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise LimitError(_sentence(error)) from None

    def model_copy(self, *, update: Any = None, deep: bool = False) -> Self:
        """A copy with some limits changed, checked like any other."""
        return type(self)(**{**self.model_dump(), **(update or {})})


def _sentence(error: ValidationError) -> str:
    """One sentence on the first limit that is out of range."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "limits"
    known = Limits.model_fields
    if name not in known:
        return f"There is no limit {name!r}; known: {', '.join(known)}."
    low, high = (next(getattr(m, end) for m in known[name].metadata if hasattr(m, end)) for end in ("ge", "le"))
    unit = "seconds" if name.endswith("_s") else "bytes"
    return f"The limit {name} is {first['input']!r}, which is not between {low:,} and {high:,} {unit}."
