"""Fetches a GGUF file from the Hugging Face hub."""

import re
from collections.abc import Sequence
from pathlib import Path

from reasoning.errors import BackendError, ConfigError, MissingPackageError

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+?(?<!\.gguf)(?::(?P<quant>[\w.-]+))?")
_PREFERRED = ("Q4_K_M", "Q8_0", "")
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


def is_repository(model: str) -> bool:
    """Whether a name has the form `<organisation>/<name>[:<quantisation>]` of a hub repository."""
    return _REPOSITORY.fullmatch(model) is not None


def model_from_hub(model: str) -> Path:
    """The GGUF file of a hub repository, from the hub's local cache where the hub cannot be reached.

    Args:
        model: `<organisation>/<name>[:<quantisation>]`; without a quantisation Q4_K_M, else Q8_0, else the first.

    Raises:
        ConfigError: The repository has no such file; the message lists those it has.
        MissingPackageError: huggingface_hub is not installed.
        BackendError: Neither the hub nor its cache has the repository.
    """
    try:
        from huggingface_hub import HfApi, hf_hub_download, snapshot_download
    except ModuleNotFoundError as error:
        raise MissingPackageError("huggingface_hub", "pip install huggingface_hub", "A model from the hub") from error
    repository, _, quant = model.partition(":")
    try:
        files = choose(HfApi().list_repo_files(repository), quant, repository)
        paths = [hf_hub_download(repository, file) for file in files]
        return Path(paths[0])
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 (the hub's client lets through whatever its HTTP library raises)
        unreachable = error
    try:
        folder = Path(snapshot_download(repository, allow_patterns="*.gguf", local_files_only=True))
    except Exception as error:
        reason = str(unreachable).strip().splitlines()[0] if str(unreachable).strip() else ""
        raise BackendError(
            f"The model {model!r} is neither on the hub within reach ({type(unreachable).__name__}: {reason}) nor in "
            "its local cache; give the path of a GGUF file instead."
        ) from error
    return folder / choose([str(file.relative_to(folder)) for file in folder.rglob("*.gguf")], quant, repository)[0]


def choose(files: Sequence[str], quant: str, repository: str) -> list[str]:
    """The files of one model among a repository's: one, or all parts of a split one, the first part first.

    Raises:
        ConfigError: None fits.
    """
    models = sorted(file for file in files if file.endswith(".gguf") and "mmproj" not in file.lower())
    for wanted in (quant,) if quant else _PREFERRED:
        named = re.compile(rf"(^|[-_./]){re.escape(wanted)}([-_./]|$)", re.IGNORECASE)
        fitting = [file for file in models if not wanted or named.search(file)]
        if fitting:
            part = _PART.search(fitting[0])
            return fitting[: int(part[2])] if part else fitting[:1]
    known = ", ".join(models[:20]) or "none"
    raise ConfigError(f"The hub repository {repository!r} has no GGUF file for {quant or 'any'!r}; it has: {known}.")
