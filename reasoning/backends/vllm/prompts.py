"""Requests as the tokens that the model gets: its chat template, its tokenizer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reasoning.backends.template_facts import thinks_by_template
from reasoning.backends.thought_prefill import behind, goes_on_in_thoughts
from reasoning.request import Request
from reasoning.thoughts import budget_left_out, effort_left_out


class PromptError(Exception):
    """A request that cannot be put to the model; never leaves this package."""


@dataclass(frozen=True)
class Prompt:
    """A request as the model gets it.

    Attributes:
        text: The whole text, special tokens as text.
        token_ids: Its tokens, those put before it (BOS) included.
        notes: What could not be done as asked.
    """

    text: str
    token_ids: list[int]
    notes: tuple[str, ...] = ()


class Prompts:
    """Renders and tokenises.

    Args:
        tokenizer: The model's, as vLLM has it.
        template: A Jinja template in place of the model's own.
        arguments: For the chat template.
    """

    def __init__(self, tokenizer: Any, template: str | None, arguments: Mapping[str, Any]) -> None:
        self._tokenizer = tokenizer
        self._arguments = dict(arguments)
        self._template = template if template is not None else _own_template(tokenizer)

    @property
    def chat(self) -> bool:
        """Whether there is a chat template; Mistral's tokenizers have one in their code."""
        return self._template is not None or not hasattr(self._tokenizer, "get_chat_template")

    @property
    def thinks(self) -> bool:
        """Whether the model thinks before it answers, as its template says."""
        return thinks_by_template(self._template, self._arguments)

    @property
    def template(self) -> str:
        """The chat template; "" where there is none, or none that can be read."""
        return self._template or ""

    def of(self, request: Request) -> Prompt:
        """The prompt of a request.

        Raises:
            PromptError: There is no chat template or it refuses the chat, or the text is none.
        """
        budget = budget_left_out(request.sampling.thinking_tokens)
        if request.prompt is not None:
            notes = (*effort_left_out(request.sampling.effort, {}), *budget)
            return Prompt(request.prompt, self._encode(request.prompt, special=True), notes)
        text, notes = self._render(request)
        return Prompt(text, self._encode(text, special=False), (*notes, *budget))

    def texts(self, token_ids: list[int]) -> tuple[str, ...]:
        """The text of each token."""
        return tuple(self._tokenizer.decode([one]) for one in token_ids)

    def _render(self, request: Request) -> tuple[str, tuple[str, ...]]:
        if not self.chat:
            raise PromptError(
                "this model has no chat template: ask with style=text, or give one with the option chat_template"
            )
        effort, notes = self._effort(request.sampling.effort)
        inside = goes_on_in_thoughts(request.messages)
        messages = request.messages[:-1] if inside else request.messages
        prefilled = request.prefill is not None and not inside
        try:
            text = self._tokenizer.apply_chat_template(
                [message.model_dump() for message in messages],
                chat_template=self._template,
                tokenize=False,
                add_generation_prompt=not prefilled,
                continue_final_message=prefilled,
                **{**effort, **self._arguments},
            )
        except Exception as error:  # a template is a program: it may raise anything
            raise PromptError(f"the chat template refuses the chat: {' '.join(str(error).split())[:300]}") from error
        return (behind(str(text), request.messages[-1].content) if inside else str(text)), notes

    def _effort(self, effort: str | None) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The reasoning effort, as the template's argument where it takes one."""
        if effort is None or "reasoning_effort" in self._arguments or "enable_thinking" in self._arguments:
            return {}, ()
        template = self._template or ""
        if "reasoning_effort" in template:
            return {"reasoning_effort": effort}, ()
        if effort == "none" and "enable_thinking" in template:
            return {"enable_thinking": False}, ()
        return {}, ("The chat template takes no such reasoning effort: it was left out.",)

    def _encode(self, text: str, *, special: bool) -> list[int]:
        try:
            token_ids = list(self._tokenizer.encode(text, add_special_tokens=special))
        except (TypeError, UnicodeError) as error:
            raise PromptError("the prompt is no Unicode text") from error
        if not token_ids:
            raise PromptError("the prompt has no tokens")
        return token_ids


def _own_template(tokenizer: Any) -> str | None:
    try:
        return str(tokenizer.get_chat_template())
    except (AttributeError, ValueError):
        return None
