"""What a chat template says of a model: whether it thinks before it answers."""

import re
from collections.abc import Mapping
from typing import Any

_MARKS = re.compile(r"</?think(ing)?>|enable_thinking|\[/?THINK\]|<\|channel\|>|<\|begin_of_thought\|>|◁/?think▷")
_OPEN = re.compile(r"(<think(ing)?>|\[THINK\]|<\|begin_of_thought\|>|◁think▷)\s*\Z")
_CLOSED = re.compile(r"(</think(ing)?>|\[/THINK\]|◁/think▷)\s*\Z")


def thinks_by_template(template: str | None, arguments: Mapping[str, Any]) -> bool:
    """Whether the model of a chat template thinks: what the template opens or closes for it, else the marks it knows.

    Args:
        template: The Jinja template; None for a model without one.
        arguments: The template's arguments in force.
    """
    if template is None or not _MARKS.search(template):
        return False
    prompt = _rendered(template, arguments)
    return prompt is None or _OPEN.search(prompt) is not None or _CLOSED.search(prompt) is None


def _rendered(template: str, arguments: Mapping[str, Any]) -> str | None:
    """A short chat as the template puts it, up to where the model begins; None where it cannot be rendered here."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    chat = {"messages": [{"role": "user", "content": "1"}], "add_generation_prompt": True}
    try:
        return environment.from_string(template).render(bos_token="", eos_token="", **{**chat, **arguments})
    except Exception:  # noqa: BLE001 (a template is a program, and may want what only its own engine has)
        return None
