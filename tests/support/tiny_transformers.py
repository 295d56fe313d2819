"""The transformers backend on tiny models: opened, asked, drawn from."""

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from reasoning import Completion, Request, Sampling
from reasoning.backends.transformers import Transformers, TransformersOptions

TEXT = "Q: How do you make bread?\nA: First you"


def opened(folder: Path, **options: Any) -> Transformers:
    chosen = {"device": "cpu", "dtype": "float32", **options}
    return Transformers.open(str(folder), TransformersOptions.model_validate(chosen))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def ask(prompt: str = TEXT, temperature: float = 1.0, max_tokens: int | None = 12, **sampling: Any) -> Request:
    fields = {"temperature": temperature, "max_tokens": max_tokens, **sampling}
    return Request(prompt=prompt, sampling=Sampling.model_validate(fields))


def draw(backend: Transformers, request: Request, indices: Sequence[int] = (0,)) -> list[Completion]:
    return run(backend.complete(request, indices))  # type: ignore[no-any-return]
