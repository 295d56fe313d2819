"""A backend: options, `open`, `complete`, `aclose`. Store, retries, pacing and spend limits are put around it."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel

from reasoning import Capabilities, Completion, Request
from reasoning.usage import Usage


class ParrotOptions(BaseModel, frozen=True, extra="forbid"):
    """What `-B` takes."""

    loudness: int = 1


class Parrot:
    """Says again what it heard last."""

    Options = ParrotOptions

    def __init__(self, name: str, options: ParrotOptions) -> None:
        self.spec = f"parrot/{name}"
        self.identity: Mapping[str, Any] = {"engine": "parrot", "name": name, "loudness": options.loudness}
        self.capabilities = Capabilities(text=True, style="text", reproducible="exact", seed=True, max_samples=8)
        self._loudness = options.loudness

    @classmethod
    def open(cls, model: str, options: ParrotOptions) -> Self:
        return cls(model, options)

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        heard = request.prompt or request.messages[-1].content
        said = heard.split()[-2].strip("?.") + "!" * self._loudness
        usage = Usage(prompt_tokens=len(heard.split()), completion_tokens=1)
        return [
            Completion(index=index, text=f"The answer is {said}", usage=usage, request=request) for index in indices
        ]

    async def aclose(self) -> None:
        """Holds nothing."""
