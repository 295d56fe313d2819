"""The driver for Hugging Face transformers in this process."""

from reasoning.backends.transformers.driver import Transformers
from reasoning.backends.transformers.options import TransformersOptions

__all__ = ["Transformers", "TransformersOptions"]
