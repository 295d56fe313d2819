"""Where a model is: a folder, or a repository of the Hugging Face hub at one revision."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from reasoning.backends.model_files import folder_identity
from reasoning.errors import BackendError, ConfigError

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


class Source(BaseModel):
    """A model that is there.

    Attributes:
        model: A folder, or a repository's name.
        revision: The repository's commit; None for a folder.
        folder: Where its files are; None for a repository that vLLM fetches.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    revision: str | None = None
    folder: Path | None = None

    @property
    def identity(self) -> dict[str, str]:
        """What tells its weights and tokenizer from others'."""
        if self.revision is not None:
            return {"weights": f"hub:{self.model}@{self.revision}"}
        assert self.folder is not None
        return folder_identity(self.folder)

    @property
    def arguments(self) -> dict[str, str]:
        """What vLLM's engine is told to load."""
        if self.folder is not None or self.revision is None:
            return {"model": str(self.folder or self.model)}
        return {"model": self.model, "revision": self.revision}

    @property
    def on_disk(self) -> Path | None:
        """The folder with its files; None for a repository that is not in the hub's cache."""
        if self.folder is not None or self.revision is None:
            return self.folder
        return _cached(self.model, self.revision)


def find_source(model: str, options: Mapping[str, Any]) -> Source:
    """Finds a model by a folder's path or a hub repository's name.

    Args:
        model: The path or the name.
        options: The engine's; `revision` and `hf_token` count.

    Raises:
        ConfigError: The path is none of a model folder.
        BackendError: Neither the hub nor its cache has the repository.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        if not any((path / name).is_file() for name in ("config.json", "params.json")):
            raise ConfigError(f"The folder {model!r} is no model folder: it has no config.json.")
        return Source(model=str(path), folder=path)
    if path.is_file():
        raise ConfigError(
            f"vLLM loads model folders, and {model!r} is a file; for a GGUF file write llama-cpp/{model}."
        )
    if not _REPOSITORY.fullmatch(model):
        raise ConfigError(
            f"There is no model folder {model!r}; give a folder, or a hub repository as <organisation>/<name>."
        )
    return _on_the_hub(model, options.get("revision"), options.get("hf_token"))


def _on_the_hub(repository: str, wanted: str | None, token: Any) -> Source:
    """The commit that a repository's name stands for now; where the hub is out of reach, in its cache."""
    from huggingface_hub import HfApi

    try:
        found = HfApi(token=token).model_info(repository, revision=wanted, timeout=20)
        return Source(model=repository, revision=str(found.sha))
    except Exception as error:  # the hub's client lets through whatever its HTTP library raises
        folder = _cached(repository, wanted)
        if folder is not None:
            return Source(model=repository, revision=folder.name, folder=folder)
        words = str(error).strip().splitlines() or [""]
        raise BackendError(
            f"The model {repository!r} is no folder here, and neither on the hub within reach "
            f"({type(error).__name__}: {words[0][:200]}) nor in its local cache; give a model folder's path instead."
        ) from error


def _cached(repository: str, revision: str | None) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, revision=revision, local_files_only=True))
    except Exception:  # noqa: BLE001 (whatever the reason, it is not there)
        return None
