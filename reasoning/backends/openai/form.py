"""What a model on a server takes, and the body of a request that keeps to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reasoning.backends.openai.budgets import BUDGET_FIELDS, Budgets, budget_fields
from reasoning.backends.openai.thinkers import bare_name
from reasoning.sampling import Sampling

_REASONING = re.compile(r"^(o\d|gpt-5(?!.*chat)|codex|computer-use)")
_RESPONSES_ONLY = re.compile(r"^(o\d+-pro|gpt-5[\w.]*-pro|gpt-5[\w.]*-codex|codex|computer-use|o\d.*deep-research)")
_COMPLETIONS_ONLY = re.compile(r"^(gpt-3\.5-turbo-instruct|davinci-002|babbage-002)")
_LEAST_OUTPUT = 16  # of the Responses API

LIMITS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})
"""The names of the limit on what is written."""
DROPPABLE = frozenset(
    {"n", "seed", "stop", "temperature", "top_p", "top_k", "min_p", "logprobs", "top_logprobs", "reasoning_effort"}
    | {"reasoning.summary", "reasoning.effort", "include", "system message"}
    | LIMITS
    | BUDGET_FIELDS
)
"""Parameters that can be left out, or renamed, when a server says that it does not take them."""


def is_reasoning_model(model: str) -> bool:
    """True for names of OpenAI's reasoning models."""
    return _REASONING.match(bare_name(model)) is not None


def needs_responses(model: str) -> bool:
    """True for OpenAI's models that only the Responses API serves."""
    return _RESPONSES_ONLY.match(bare_name(model)) is not None


def needs_completions(model: str) -> bool:
    """True for OpenAI's models that only take plain text."""
    return _COMPLETIONS_ONLY.match(bare_name(model)) is not None


@dataclass(frozen=True)
class Manners:
    """What the model on this server takes, as known from its name, the options, and what it has refused so far.

    Attributes:
        openai: OpenAI's own protocol, without top-k, min-p and old names.
        reasoning: A reasoning model: no temperature, top-p, stop, log-probabilities.
        most_stop: Most stop strings; None for no limit.
        refused: Parameters that the server has refused.
        budgets: How it takes a budget of thought.
        bounds: What it takes at most of a parameter, or at least of `temperature`, as its refusals said.
    """

    openai: bool
    reasoning: bool
    most_stop: int | None
    refused: frozenset[str] = frozenset()
    budgets: Budgets = "no"
    bounds: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Form:
    """A request's body in the making, and what had to be left out of it.

    Attributes:
        limit: The most tokens to write; None leaves that to the server.
    """

    manners: Manners
    body: dict[str, Any]
    limit: int | None = None
    degradations: list[str] = field(default_factory=list)

    def put(self, name: str, value: Any, *, taken: bool = True, instead: str = "not sent") -> None:
        """Adds a field where a value is set and the model takes it; else says on the record that it is left out."""
        if value is None:
            return
        if taken and name not in self.manners.refused:
            self.body[name] = self._within_bounds(name, value)
        else:
            self.degradations.append(f"{name} is not taken by this model or server: {instead}.")

    def _within_bounds(self, name: str, value: Any) -> Any:
        """The value that the server takes, on the record where it is another."""
        bound = self.manners.bounds.get(name)
        least = name == "temperature"
        if bound is None or isinstance(value, list) or (value >= bound if least else value <= bound):
            return value
        bound = bound if least else int(bound)
        self.degradations.append(f"{name}={value} is not taken by this server: {bound} was sent.")
        return bound

    def put_sampling(self, sampling: Sampling) -> None:
        """Temperature, top-p, top-k and min-p."""
        thinks = self.manners.reasoning and sampling.effort != "none"
        for name, value in (("temperature", sampling.temperature), ("top_p", sampling.top_p)):
            if not (thinks and value == 1):  # 1 is all that they do
                self.put(name, value, taken=not thinks)
        for name, value in (("top_k", sampling.top_k), ("min_p", sampling.min_p)):
            self.put(name, value, taken=not self.manners.openai)

    def put_stop(self, sampling: Sampling, *, taken: bool = True) -> None:
        """The stop strings, as many as are taken; the text is cut here at the others."""
        taken = taken and not self.manners.reasoning
        counts = [self.manners.most_stop, self.manners.bounds.get("stop")]
        most = min((int(count) for count in counts if count is not None), default=None)
        stop = list(sampling.stop)
        self.put("stop", stop[:most] or None, taken=taken, instead="the text was cut here")
        if taken and "stop" in self.body and most is not None and len(stop) > most:
            self.degradations.append(f"Only {most} of {len(stop)} stop strings are taken: cut here at the others.")

    def put_limit(self) -> None:
        """The most tokens to write, by the name that the server knows."""
        names = (
            ["max_completion_tokens", "max_tokens"] if self.manners.openai else ["max_tokens", "max_completion_tokens"]
        )
        known = next((name for name in names if name not in self.manners.refused), names[0])
        self.put(known, self.limit)

    def put_thinking_budget(self, sampling: Sampling) -> None:
        """The budget of thought, in the server's words for it."""
        tokens = sampling.thinking_tokens
        if tokens is None:
            return
        fields = budget_fields(self.manners.budgets, tokens)
        if not fields:
            self.degradations.append(
                f"thinking_tokens={tokens} was not sent: how this server takes a budget of thought is not known. The "
                "option thinking_budget says it."
            )
        for name, value in fields.items():
            self.put(name, value)

    def put_output_limit(self) -> None:
        """The most tokens to write, as the Responses API has it."""
        most = self.limit
        if most is not None and most < _LEAST_OUTPUT:
            self.degradations.append(
                f"max_tokens {most} is below the least of the Responses API: {_LEAST_OUTPUT} sent."
            )
            most = _LEAST_OUTPUT
        self.put("max_output_tokens", most)
