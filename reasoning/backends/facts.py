"""What is known of a model, beside what it answers: for comparing backends."""

from typing import Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, PositiveInt


class ModelFacts(BaseModel):
    """A model's fact sheet. None is "not known": nothing here is guessed from a name.

    Attributes:
        parameters: Weights in all.
        active_parameters: Weights that take part in one token; fewer than `parameters` for a mixture of experts, the
            same for a dense model.
        context_tokens: Prompt and completion tokens that fit together as it was opened.
        precision: The weights' number format as computed with, e.g. `"Q4_1 + Q8_0"`, `"bfloat16"`, `"int4 (awq)"`;
            the format of most weights first.
        weights: "open" where the weights are at hand, "closed" where only a vendor has them, "unknown" behind a server
            that could hold either.
        peak_memory_bytes: The most memory that the model took since it was opened: on a GPU what its engine set aside
            there, on a CPU what it added to the process that computes. None where it cannot be measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: PositiveInt | None = None
    active_parameters: PositiveInt | None = None
    context_tokens: PositiveInt | None = None
    precision: str | None = None
    weights: Literal["open", "closed", "unknown"] = "unknown"
    peak_memory_bytes: PositiveInt | None = None


@runtime_checkable
class HasFacts(Protocol):
    """The optional capability of a driver to tell what is known of its model.

    Asked at the start of a run and again at its end, when the peak of memory is known: it must be cheap.
    """

    @property
    def facts(self) -> ModelFacts: ...
