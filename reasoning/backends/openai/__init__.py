"""The driver for OpenAI and every server that speaks its protocol."""

from reasoning.backends.openai.driver import OpenAI
from reasoning.backends.openai.options import OpenAIOptions

__all__ = ["OpenAI", "OpenAIOptions"]
