"""Writes what a task is made of: rows, and a definition in YAML."""

import json
from pathlib import Path
from typing import Any


def file(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def own(folder: Path, text: str) -> Path:
    path = folder / "my-task.yaml"
    path.write_text(text)
    return path
