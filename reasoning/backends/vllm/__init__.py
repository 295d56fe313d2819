"""The driver for vLLM's engine in this process."""

from reasoning.backends.vllm.driver import VLLM
from reasoning.backends.vllm.options import VLLMOptions

__all__ = ["VLLM", "VLLMOptions"]
