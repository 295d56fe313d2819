"""Whether a model thinks before it answers, as its name and a person's own fields of the request say for certain.

A model that may think or not (Qwen3, GLM, Kimi, Gemini Flash, Claude, GPT-5.1 and later, whose effort is "none" unless
one is asked for) is not known by its name: what its replies show tells. Of some of these the name says that they think
unless they are told not to: their first reply is given room for thoughts too, and nothing else follows from it.
"""

import re
from collections.abc import Mapping
from typing import Any

_ALWAYS = re.compile(
    r"^(o[1-9](-|$)"  # OpenAI's o-series
    r"|gpt-5(?=$|-(?!chat))|gpt-5\.\d+-(pro|codex)|gpt-oss|codex-"
    r"|deepseek-(reasoner|r1)|qwq|qvq|magistral|minimax-m[12](\D|$)|glm-z1|ernie-x1|openthinker|exaone-deep"
    r"|grok-4(-\d{4}|-latest)?$|grok-3-mini|gemini-2\.5-pro)"
    r"|(?<!non)(?<!no)[-_.:](thinking|think|reasoning|reasoner)(?![a-z])"
)
_UNLESS_TOLD = re.compile(
    r"^(qwen3[-:]\d+(\.\d+)?b(?!.*(instruct|base|coder))|gemini-2\.5-flash(?!-lite)|gemini-3|glm-(4\.[5-9]|5)"
    r"|kimi-k2\.[5-9])"
)
_NEVER_AT_OPENAI = re.compile(r"^(gpt-3\.5|gpt-4|chatgpt-4o|gpt-5[\w.]*-chat|davinci-002|babbage-002)")
_SWITCHES = ("enable_thinking", "thinking")


def bare_name(model: str) -> str:
    """A model's own name: `ft:gpt-4o-mini:me::1` and `openai/gpt-4o-mini` are `gpt-4o-mini…`."""
    return model.removeprefix("ft:").rpartition("/")[2]


def thinks_by_name(model: str, *, official: bool) -> bool | None:
    """Whether the model of a name thinks; None where the name does not say.

    Args:
        model: The name as the server has it, with or without its maker's.
        official: OpenAI itself serves it, so that its names are OpenAI's own.
    """
    name = bare_name(model).lower()
    if official and _NEVER_AT_OPENAI.match(name):
        return False
    return True if _ALWAYS.search(name) else None


def thinks_unless_told(model: str) -> bool:
    """Whether the model of a name may think or not, and does where a request says nothing of it."""
    return _UNLESS_TOLD.match(bare_name(model).lower()) is not None


def thinks_as_told(body: Mapping[str, Any]) -> bool | None:
    """What fields that a person adds to every request say of thinking; None where they say nothing."""
    template = body.get("chat_template_kwargs")
    for fields in (body, template if isinstance(template, Mapping) else {}):
        for switch in _SWITCHES:
            value = fields.get(switch)
            value = (
                {"enabled": True, "disabled": False}.get(str(value.get("type"))) if isinstance(value, dict) else value
            )
            if isinstance(value, bool):
                return value
    return False if body.get("reasoning_effort") == "none" else None
