"""The scripted backend: what it keeps of what it was asked."""

import asyncio

from reasoning.backends.scripted import Scripted, ScriptedOptions
from reasoning.request import Request


def test_calls_are_kept_for_a_script_and_not_for_a_name() -> None:
    """A run of 200,000 problems over `scripted/constant` would keep 200,000 prompts."""
    request = Request(prompt="1 + 1?")
    script = Scripted(lambda request, index: "2")
    opened = Scripted.open("constant", ScriptedOptions())
    for backend in (script, opened):
        asyncio.run(backend.complete(request, [0, 1]))
    assert script.calls == [(request, (0, 1))]
    assert opened.calls == []
