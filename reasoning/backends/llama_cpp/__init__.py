"""GGUF models in this process, by llama.cpp."""

from reasoning.backends.llama_cpp.driver import LlamaCpp, LlamaCppOptions, Local, LocalOptions

__all__ = ["LlamaCpp", "LlamaCppOptions", "Local", "LocalOptions"]
