"""Data sets through the `datasets` package, which is imported only when one is asked for."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reasoning.errors import DataError, UnknownNameError

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def load_hub(path: str, name: str | None, split: str, revision: str | None) -> Any:
    """One split of a data set on the hub; from the local cache where the hub cannot be reached.

    Args:
        path: Its id, e.g. `"openai/gsm8k"`.
        name: Its configuration, e.g. `"main"`.
        split: E.g. `"test"`.
        revision: A commit, tag or branch.

    Raises:
        DataError: It is neither reachable nor cached, there is none of that id, or its download broke off.
        UnknownNameError: It has no such configuration or split.
    """
    import datasets

    with _without_waiting():
        try:
            return datasets.load_dataset(path, name, split=split, revision=revision)
        except datasets.exceptions.DatasetNotFoundError as error:
            raise DataError(
                f"There is no data set {path!r} on the hub that you may read: {_first(error)} Check the id, log in "
                "with `hf auth login`, or name a local copy with --data FILE."
            ) from error
        except ConnectionError as error:
            raise DataError(
                f"The data set {path!r} is neither in the local cache nor can its hub be reached; name a local copy "
                "with --data FILE."
            ) from error
        except ValueError as error:
            raise _unknown(error, f"data set {path}", name, split) from error
        except (datasets.exceptions.DatasetGenerationError, OSError) as error:
            raise DataError(
                f"The data set {path!r} could not be loaded: {_first(error)} Try again, or name a local copy with "
                "--data FILE."
            ) from error


def load_folder(folder: Path, split: str, name: str | None) -> Any:
    """One split of a data set in a local folder: a copy of a hub's repository, or one made by `save_to_disk`.

    Raises:
        DataError: The folder holds no data set.
        UnknownNameError: It has no such configuration or split.
    """
    import datasets

    try:
        if (folder / "dataset_dict.json").exists():
            splits = datasets.load_from_disk(str(folder))
            parts = split.split("+")
            for part in parts:
                if part not in splits:
                    raise UnknownNameError(f"split of {folder}", part, splits)
            return datasets.concatenate_datasets([splits[part] for part in parts])
        if (folder / "dataset_info.json").exists():
            return datasets.load_from_disk(str(folder))
        return datasets.load_dataset(str(folder), name, split=split)
    except (datasets.exceptions.DatasetGenerationError, FileNotFoundError) as error:
        raise DataError(f"{folder}: {_first(error)} Expected a folder that `datasets` can read.") from error
    except ValueError as error:
        raise _unknown(error, str(folder), name, split) from error


def _unknown(error: ValueError, where: str, name: str | None, split: str) -> DataError:
    return DataError(f"Cannot read configuration {name!r}, split {split!r} of {where}: {_first(error)}")


def _first(error: BaseException) -> str:
    """The first line of an error's words, as a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if lines[0].endswith(".") else f"{lines[0]}."


@contextmanager
def _without_waiting() -> Iterator[None]:
    """Puts the hub's client offline for a moment where the hub's name does not resolve.

    Its client would retry for 23 s (measured) before it looked into its cache.
    """
    import datasets
    from huggingface_hub import constants

    host = urlsplit(constants.ENDPOINT).hostname or ""
    if any(os.environ.get(proxy) for proxy in _PROXIES) or constants.HF_HUB_OFFLINE or _resolves(host):
        yield
        return
    before = datasets.config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = False, before


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True
