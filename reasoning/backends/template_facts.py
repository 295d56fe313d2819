"""What a chat template says of a model: whether it thinks before it answers."""

from collections.abc import Mapping
from typing import Any

from reasoning.thoughts import Tags

_TAGS = Tags()


def thinks_by_template(template: str | None, arguments: Mapping[str, Any]) -> bool:
    """Whether the model of a chat template thinks: what the template opens or closes for it, else the marks it knows.

    Args:
        template: The Jinja template; None for a model without one.
        arguments: The template's arguments in force.
    """
    if template is None or not (_TAGS.stand_in(template) or "enable_thinking" in template):
        return False
    prompt = _rendered(template, arguments)
    return prompt is None or _TAGS.opened_by(prompt) or not _TAGS.closed_by(prompt)


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
