"""Named things from this project and from other packages' entry points.

Third parties add backends, strategies and tasks with the entry-point groups `reasoning.backends`,
`reasoning.strategies` and `reasoning.tasks`. A broken plug-in fails loudly, by name, and only when it is asked for.
"""

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from reasoning.errors import ConfigError, UnknownNameError


@cache
def _plugins(group: str) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        if point.name in found and found[point.name].value != point.value:
            raise ConfigError(
                f"Two installed packages both add {point.name!r} to {group}: {found[point.name].value} and "
                f"{point.value}. Uninstall one of them."
            )
        found[point.name] = point
    return found


def names(group: str, own: Mapping[str, str]) -> list[str]:
    """All names of a group: this project's own, then those of plug-ins."""
    return [*own, *(name for name in sorted(_plugins(group)) if name not in own)]


def load(group: str, own: Mapping[str, str], name: str, what: str) -> Any:
    """The object behind a name.

    Args:
        group: The entry-point group, e.g. `"reasoning.backends"`.
        own: This project's own names, each with its `"module:attribute"`.
        name: The name wanted.
        what: The sort of thing, for the error message.

    Raises:
        UnknownNameError: No such name.
        ConfigError: A plug-in does not import; the message names it and the package it comes from.
    """
    if name in own:
        module, _, attribute = own[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    point = _plugins(group).get(name)
    if point is None:
        raise UnknownNameError(what, name, names(group, own))
    try:
        return point.load()
    except Exception as error:
        origin = point.dist.name if point.dist else "an unknown package"
        raise ConfigError(
            f"The plug-in {name!r} ({point.value}, from {origin}) does not load: {type(error).__name__}: {error}. "
            f"Repair or uninstall {origin}."
        ) from error
