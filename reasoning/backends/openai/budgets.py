"""A budget of thought, in the words that a server has for it."""

from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

Budgets = Literal["auto", "no", "vllm", "sglang", "llama.cpp", "qwen", "anthropic", "gemini", "openrouter"]

_LEAST_AT_ANTHROPIC = 1024
_BY_HOST: Mapping[str, Budgets] = {
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gemini",
    "openrouter.ai": "openrouter",
    "aliyuncs.com": "qwen",
}
_BY_ENGINE: Mapping[str, Budgets] = {"vllm": "vllm", "sglang": "sglang", "llamacpp": "llama.cpp"}

_FIELDS: Mapping[Budgets, Callable[[int], dict[str, Any]]] = {
    "vllm": lambda n: {"thinking_token_budget": n},
    "sglang": lambda n: {"custom_params": {"thinking_budget": n}},
    "llama.cpp": lambda n: {"thinking_budget_tokens": n},
    "qwen": lambda n: {"enable_thinking": True, "thinking_budget": n} if n else {"enable_thinking": False},
    "anthropic": lambda n: {
        "thinking": {"type": "enabled", "budget_tokens": max(n, _LEAST_AT_ANTHROPIC)} if n else {"type": "disabled"}
    },
    "gemini": lambda n: {"extra_body": {"google": {"thinking_config": {"thinking_budget": n}}}},
    "openrouter": lambda n: {"reasoning": {"max_tokens": n} if n else {"enabled": False}},
}

BUDGET_FIELDS = frozenset({name for fields in _FIELDS.values() for tokens in (0, 1) for name in fields(tokens)})
"""The names of the fields that say a budget."""


def budgets_at(url: str, engine: str | None = None) -> Budgets:
    """How a server takes a budget, by its host or by its software; "no" where that is not known."""
    host = urlsplit(url).hostname or ""
    by_host = next((way for name, way in _BY_HOST.items() if host == name or host.endswith(f".{name}")), None)
    return by_host or _BY_ENGINE.get(engine or "", "no")


def budget_fields(way: Budgets, tokens: int) -> dict[str, Any]:
    """The fields of a body that say it; none where the way is "no"."""
    return _FIELDS[way](tokens) if way in _FIELDS else {}
