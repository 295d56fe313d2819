"""Scripts behind the store layer: a request, a driver that answers it, and async tests on a loop of their own."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from reasoning.backends.backend import Capabilities
from reasoning.backends.scripted import Script, Scripted, ScriptedOptions
from reasoning.request import Request
from reasoning.sampling import Sampling

SAMPLING = Sampling(temperature=0.7, max_tokens=50)


def asked(prompt: str = "How many?") -> Request:
    return Request(prompt=prompt, sampling=SAMPLING)


def say(request: Request, index: int) -> str:
    return f"draw {index} of {request.prompt}"


def scripted(script: Script = say, max_samples: int = 64) -> Scripted:
    return Scripted(script, ScriptedOptions(capabilities=Capabilities(text=True, seed=True, max_samples=max_samples)))


def runs(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs an async test on a loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def body() -> None:
            await asyncio.wait_for(test(*args, **kwargs), 30)

        asyncio.run(body())

    return run
