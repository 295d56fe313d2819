"""From a request to the token ids that the model reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reasoning.backends.thought_prefill import behind, goes_on_in_thoughts
from reasoning.completion import Failure
from reasoning.request import Request


@dataclass(frozen=True)
class Prompt:
    """What the model reads.

    Attributes:
        ids: Its token ids, those put before it (BOS) included; at least one.
        rendered: A chat as the text that the model sees; None for a plain text prompt.
    """

    ids: tuple[int, ...]
    rendered: str | None


class PromptError(Exception):
    """A request that cannot be put to this model; it becomes the draw's failure."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(kind="unsupported", message=message, retryable=False)


class Prompts:
    """Renders and tokenises requests.

    Args:
        tokenizer: The model's.
        template: A Jinja chat template; None where the model takes no chat.
        arguments: The template's arguments.
    """

    def __init__(self, tokenizer: Any, template: str | None, arguments: Mapping[str, Any]) -> None:
        self._tokenizer, self._template, self._arguments = tokenizer, template, dict(arguments)

    def of(self, request: Request) -> Prompt:
        """The prompt of a request.

        Raises:
            PromptError: The model takes no chat, its template refuses these messages, or there are no tokens.
        """
        rendered = None if request.prompt is not None else self._render(request)
        text = rendered if rendered is not None else request.prompt
        try:
            ids = self._tokenizer(text, add_special_tokens=rendered is None)["input_ids"]
        except (TypeError, ValueError) as error:
            raise PromptError(f"the prompt cannot be tokenised: {error}") from error
        if not ids:
            raise PromptError("the prompt has no tokens")
        return Prompt(tuple(ids), rendered)

    def shown(self, prompt: Prompt) -> tuple[str, ...]:
        """The text of each token of a prompt, special ones included, for people to read."""
        return tuple(str(self._tokenizer.decode([token])) for token in prompt.ids)

    def _render(self, request: Request) -> str:
        from jinja2 import TemplateError

        if self._template is None:
            raise PromptError("this model has no chat template: ask with style=text, or give one as chat_template")
        inside = goes_on_in_thoughts(request.messages)
        messages = request.messages[:-1] if inside else request.messages
        prefilled = request.prefill is not None and not inside
        try:
            rendered = self._tokenizer.apply_chat_template(
                [message.model_dump() for message in messages],
                chat_template=self._template,
                tokenize=False,
                add_generation_prompt=not prefilled,
                continue_final_message=prefilled,
                **self._arguments,
            )
        except (TemplateError, ValueError, TypeError, KeyError) as error:
            raise PromptError(f"the chat template refuses these messages: {error}") from error
        return behind(str(rendered), request.messages[-1].content) if inside else str(rendered)
