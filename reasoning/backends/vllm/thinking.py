"""Tells reasoning text from the answer, by one of vLLM's reasoning parsers or by its tags."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from reasoning.errors import ConfigError, UnknownNameError
from reasoning.thoughts import Tags


class Thinking:
    """One of vLLM's reasoning parsers, on one tokenizer.

    Args:
        parser: vLLM's parser.
    """

    def __init__(self, parser: Any) -> None:
        from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest

        self._parser = parser
        self._request = parser.adjust_request(ChatCompletionRequest(messages=[]))

    @classmethod
    def named(cls, name: str, tokenizer: Any) -> Self:
        """The parser of that name.

        Raises:
            UnknownNameError: vLLM has none of that name.
            ConfigError: The model's tokenizer lacks the parser's marks.
        """
        from vllm.reasoning import ReasoningParserManager

        known = ReasoningParserManager.list_registered()
        if name not in known:
            raise UnknownNameError("reasoning_parser", name, known)
        try:
            return cls(ReasoningParserManager.get_reasoning_parser(name)(tokenizer))
        except (RuntimeError, ValueError) as error:
            raise ConfigError(f"The reasoning_parser {name!r} does not fit this model: {error}") from error

    @property
    def sampling(self) -> dict[str, Any]:
        """What the parser needs of the sampling settings: some read marks that are special tokens."""
        return {"skip_special_tokens": self._request.skip_special_tokens}

    def apart(self, text: str, token_ids: Sequence[int]) -> tuple[str, str | None, int]:
        """The answer, the reasoning text (None where there is none), and the tokens of the latter."""
        reasoning, answer = self._parser.extract_reasoning(text, self._request)
        thoughts = (reasoning or "").strip() or None
        said = answer or ""
        return said.lstrip() if thoughts else said, thoughts, self._parser.count_reasoning_tokens(token_ids)


@dataclass(frozen=True)
class Tagged:
    """Thoughts known by their tags.

    Attributes:
        tags: The tags.
        opened: The prompt ends with an opening tag.
    """

    tags: Tags
    opened: bool

    def apart(self, text: str, token_ids: Sequence[int]) -> tuple[str, str | None, int]:
        """See `Thinking.apart`; the tokens are the thoughts' share of the text."""
        found = self.tags.split(text, opened=self.opened)
        marked = sum(end - start for start, end in found.spans)
        return found.answer, found.reasoning, round(len(token_ids) * marked / len(text)) if text else 0
