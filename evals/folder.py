"""The folder of a run: where it is, and its two files."""

import contextlib
import os
import re
import unicodedata
from pathlib import Path

HEADER = "run.json"
RESULTS = "results.jsonl"
_LONGEST = 80


def slug(name: str) -> str:
    """A name as part of a folder's name: `openai/gpt-4o-mini` is `openai-gpt-4o-mini`.

    Only letters, digits, `.`, `_` and single `-` are left, so that no name can reach out of the folder or hold the
    `--` between parts.
    """
    plain = unicodedata.normalize("NFKC", name)
    return re.sub(r"[^\w.]+", "-", plain).strip("-.")[:_LONGEST].rstrip("-.") or "unnamed"


def run_folder(out: Path, task: str, strategy: str, backend: str, name: str | None = None) -> Path:
    """Where a run is kept: `task--strategy--backend[--name]` in `out`."""
    return out / "--".join(slug(part) for part in (task, strategy, backend, name) if part)


def write_whole(file: Path, text: str) -> None:
    """Replaces a file's content in one step: a reader, or a kill, finds the old text or the new one."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
