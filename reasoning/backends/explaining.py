"""What a backend makes of a request before it draws: what `reasoning doctor --parity` compares.

"The same model scores 0.31 here and 0.70 there" mostly has one of four causes: another chat template, other token ids,
other sampling settings, or other arithmetic. The first three can be told without drawing anything.
"""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from reasoning.request import Request
from reasoning.sampling import Sampling

_NEUTRAL: Mapping[str, Any] = {"top_p": 1.0, "min_p": 0.0}
_OF_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "max_tokens")


class Explained(BaseModel):
    """A request as the model gets it. What a backend cannot know is None, and `notes` say why.

    Attributes:
        rendered: The whole text that the model sees: a chat by its template, special tokens as text. A plain text
            prompt as it is.
        token_ids: The prompt's token ids, those that are put before it (BOS) included.
        tokens: The text of each of them, for people to read.
        stop: The stop strings in force.
        settings: The sampling settings in force, by the names in `Sampling` where they have one: what was asked for
            (see `settings_asked`), with whatever the engine or the model's own generation config adds
            (`repetition_penalty=1.1`) or leaves out. A neutral value is left out.
        notes: What is not known and why, or what is done otherwise than asked; one sentence each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rendered: str | None = None
    token_ids: tuple[int, ...] | None = None
    tokens: tuple[str, ...] | None = None
    stop: tuple[str, ...] = ()
    settings: Mapping[str, Any] = {}
    notes: tuple[str, ...] = ()


@runtime_checkable
class Explains(Protocol):
    """The optional capability of a driver to say what it makes of a request.

    A driver that has it renders and tokenises with the very code that `complete` uses, so that what is said is what is
    done. Nothing is drawn, stored or billed.
    """

    async def explain(self, request: Request) -> Explained:
        """What the model would get for this request.

        Raises:
            BackendError: The engine is closed or cannot be reached.
        """
        ...


def settings_asked(sampling: Sampling) -> dict[str, Any]:
    """The settings of a request that make a difference: those that are set and not neutral.

    A greedy request's top-p, top-k and min-p make none: the likeliest token stands first under all of them.
    """
    names = ("temperature", "max_tokens") if sampling.greedy else _OF_SAMPLING
    settings = {name: getattr(sampling, name) for name in names}
    return {name: value for name, value in settings.items() if value is not None and value != _NEUTRAL.get(name)}
