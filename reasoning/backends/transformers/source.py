"""Where a model's files are: a folder, a GGUF file, or a repository on the Hugging Face hub."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from reasoning.errors import ConfigError

_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


@dataclass(frozen=True)
class Source:
    """A model's files.

    Attributes:
        name: What transformers is given: a folder, or a name on the hub.
        local: True for a folder on this machine.
        gguf: The GGUF file in it that holds weights and tokenizer, else None.
    """

    name: str
    local: bool
    gguf: str | None = None

    @property
    def title(self) -> str:
        """A short name for people."""
        return Path(self.gguf or self.name).stem if self.gguf else Path(self.name).name

    @property
    def gguf_path(self) -> Path | None:
        """The GGUF file, where it is on this machine."""
        return Path(self.name) / self.gguf if self.local and self.gguf else None


def find(model: str, gguf_file: str | None) -> Source:
    """The files that a spec means.

    Raises:
        ConfigError: No such path, nothing in it that transformers reads, or several GGUF files and none is named.
    """
    path = Path(model).expanduser()
    if path.is_file():
        if path.suffix != ".gguf":
            raise ConfigError(f"The file {model!r} is no GGUF file; give a model folder, a .gguf file or a hub name.")
        return Source(str(path.parent), local=True, gguf=path.name)
    if path.is_dir():
        return Source(str(path), local=True, gguf=_gguf_in(path, gguf_file))
    if _HUB_NAME.fullmatch(model) and path.suffix != ".gguf":
        return Source(model, local=False, gguf=gguf_file)
    raise ConfigError(f"There is no model folder or file {model!r}.{nearest(model)}")


def nearest(model: str) -> str:
    """A hint at a local path whose name is like this one, or nothing."""
    path = Path(model).expanduser()
    try:
        beside = [one.name for one in path.parent.iterdir() if one.is_dir() or one.suffix == ".gguf"]
    except OSError:
        return f" Its folder {str(path.parent)!r} does not exist either."
    near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.5)
    return f" Did you mean {str(path.parent / near[0])!r}?" if near else ""


def _gguf_in(folder: Path, wanted: str | None) -> str | None:
    if wanted is not None:
        if not (folder / wanted).is_file():
            raise ConfigError(f"The option gguf_file cannot be {wanted!r}: {str(folder)!r} has no such file.")
        return wanted
    if (folder / "config.json").is_file():
        return None
    files = sorted(file.name for file in folder.glob("*.gguf"))
    if len(files) == 1:
        return files[0]
    if files:
        raise ConfigError(f"{str(folder)!r} has several GGUF files; name one with gguf_file: {', '.join(files[:20])}.")
    raise ConfigError(f"{str(folder)!r} is no model folder: it has neither a config.json nor a GGUF file.")
