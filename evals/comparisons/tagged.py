"""Runs chosen by their tags."""

import re
from collections.abc import Sequence
from pathlib import Path

from evals.folder import HEADER
from evals.header import RunHeader, read_header
from evals.run import Run, load_run
from reasoning.errors import ConfigError, DataError


def tagged(
    folders: Sequence[str | Path], tags: Sequence[str], by: str | None, within: str | Path
) -> tuple[list[Run], list[str] | None]:
    """The runs of these folders, and those within a folder that have all of the tags.

    Args:
        folders: Of runs.
        tags: `key=value`; task, strategy, backend, name and seed count as tags.
        by: A tag that orders the runs, as numbers where they are, and names them.
        within: The parent of the runs that are looked through.

    Returns:
        The runs; their names where `by` gives them.

    Raises:
        ConfigError: A tag is no `key=value`, a run lacks the tag `by`, or two have the same.
        DataError: A folder holds no run; or none has the tags.
    """
    runs = [load_run(folder) for folder in folders]
    if tags:
        wanted = [_pair(tag) for tag in tags]
        place = Path(within)
        headers = {file.parent: _header(file) for file in sorted(place.glob(f"*/{HEADER}"))}
        found = [folder for folder, header in headers.items() if all(all_tags(header).get(k) == v for k, v in wanted)]
        if not found:
            raise DataError(
                f"No run in {place} has {' and '.join(tags)}; it holds {len(headers)} runs, with the tags "
                f"{', '.join(sorted({key for header in headers.values() for key in header.tags})) or 'none'}."
            )
        known = {run.folder.resolve() for run in runs if run.folder is not None}
        runs += [load_run(folder) for folder in found if folder.resolve() not in known]
    return (runs, None) if by is None else _ordered(runs, by)


def all_tags(header: RunHeader) -> dict[str, str]:
    """A run's own tags, and what else may choose it."""
    told = {
        "task": header.task.name,
        "strategy": header.strategy_name,
        "backend": header.backend.spec,
        "name": header.name or "",
        "seed": str(header.seed),
    }
    return {**told, **header.tags}


def _ordered(runs: Sequence[Run], by: str) -> tuple[list[Run], list[str]]:
    labels: dict[str, Run] = {}
    for run in runs:
        value = all_tags(run.header).get(by)
        if not value:
            raise ConfigError(f"The run {run.name} has no tag {by!r}; --by orders runs that all have it.")
        if value in labels:
            raise ConfigError(
                f"Two runs have {by}={value}: {labels[value].name} and {run.name}; a further --tag tells them apart, "
                "such as --tag strategy=…"
            )
        labels[value] = run
    order = sorted(labels, key=_natural)
    return [labels[value] for value in order], [f"{by} {value}" for value in order]


def _natural(text: str) -> list[tuple[int, float, str]]:
    """Numbers within a text by size: step-900 is before step-1000."""
    parts = re.split(r"(\d+(?:\.\d+)?)", text)
    return [(0, float(part), "") if place % 2 else (1, 0.0, part) for place, part in enumerate(parts)]


def _pair(tag: str) -> tuple[str, str]:
    key, sign, value = tag.partition("=")
    if not key or not sign:
        raise ConfigError(f"--tag takes KEY=VALUE, such as model=llama; got {tag!r}.")
    return key, value


def _header(file: Path) -> RunHeader:
    try:
        return read_header(file.read_bytes(), str(file))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from error
