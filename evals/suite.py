"""Suites: tasks × strategies × backends in one YAML file, checked whole before anything runs.

```yaml
defaults: {limit: 100, out: runs/}
tasks:
  - gsm8k
  - reasoning-gym:chain_sum: {min_terms: 2, max_terms: 4}
    limit: 24
strategies:
  - direct
  - self-consistency: {of: {chain-of-thought: {most_shots: 4}}, samples: 5}
    name: five
backends: [local, {openai/gpt-4o-mini: {max_concurrency: 8}}]
roles: {judge: openai/gpt-4o}
```

An entry is a name, or a mapping of the name to its options with settings of its own beside it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from evals.located import Located, read_located
from evals.settings import Defaults, Settings
from reasoning.errors import FAMILY, ConfigError, DataError, UnknownNameError

S = TypeVar("S", bound=BaseModel)

SUITES = Path(__file__).parent / "suites"
KEYS = ("name", "description", "extends", "defaults", "tasks", "strategies", "backends", "roles")
TASK_SETTINGS = (*(name for name in Settings.model_fields), "data")


@dataclass(frozen=True)
class Entry:
    """A task, strategy or backend of a suite.

    Attributes:
        name: A task's or strategy's name, or a backend's spec.
        options: Its options.
        settings: Its own settings of runs.
        data: A task's local copy.
        place: Where it stands, for messages.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    data: str | None = None
    place: str = ""

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Errors within are reported at this entry's place."""
        try:
            yield
        except FAMILY as error:
            if not self.place:
                raise
            raise DataError(f"{self.place}: {error}") from error


@dataclass(frozen=True)
class Suite:
    """Tasks × strategies × backends with their settings; `evals.matrix` turns it into runs."""

    tasks: tuple[Entry, ...]
    strategies: tuple[Entry, ...]
    backends: tuple[Entry, ...]
    roles: Mapping[str, Entry] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    name: str = ""


def suite_names() -> list[str]:
    """The suites that come with this package."""
    return sorted(file.stem for file in SUITES.glob("*.yaml"))


def suite_file(name: str) -> Path | None:
    """The file of a suite: a packaged one's by its name, or a YAML file that has a suite's keys; else None."""
    if name in suite_names():
        return SUITES / f"{name}.yaml"
    if not name.endswith((".yaml", ".yml")):
        return None
    file = Path(name)
    if not file.exists() and file.stem in suite_names() and len(file.parts) == 1:
        return SUITES / f"{file.stem}.yaml"
    if not file.is_file():
        raise DataError(f"There is no file {name}; expected a suite or a task in YAML.")
    content = read_located(file).value
    return None if "source" in content and "tasks" not in content else file


def read_suite(file: Path) -> Suite:
    """Reads a suite and checks its form. Names and options are checked by `evals.matrix.matrix`.

    Raises:
        DataError: It cannot be read, or is not as expected; the message gives file and line.
        UnknownNameError: A key is unknown; the message gives file, line and the nearest one.
    """
    document = read_located(file)
    content = document.value
    for key in content:
        if key not in KEYS:
            raise UnknownNameError(f"key at {document.at(key)}:", str(key), KEYS)
    parts = {key: _entries(document, key) for key in ("tasks", "strategies", "backends")}
    roles = content.get("roles") or {}
    if not isinstance(roles, dict):
        raise DataError(f"{document.at('roles')}: expected a mapping of roles to backends.")
    return Suite(
        tasks=parts["tasks"],
        strategies=parts["strategies"],
        backends=parts["backends"],
        roles={str(role): _entry(document, ("roles", role), given) for role, given in roles.items()},
        defaults=_settings(document, ("defaults",), content.get("defaults") or {}, Defaults),
        name=str(content.get("name") or file.stem),
    )


def _entries(document: Located, key: str) -> tuple[Entry, ...]:
    given = document.value.get(key)
    if not isinstance(given, list) or not given:
        raise DataError(f"{document.at(key)}: expected a list of {key}, with one or more in it.")
    return tuple(_entry(document, (key, position), entry) for position, entry in enumerate(given))


def _entry(document: Located, place: tuple[Any, ...], given: Any) -> Entry:
    where = document.at(*place)
    of_task = place[0] == "tasks"
    file = document.lines[place][0] if place in document.lines else None
    if isinstance(given, str):
        return Entry(_task_name(file, given) if of_task else given, place=where)
    known = TASK_SETTINGS if of_task else tuple(Settings.model_fields)
    names = [key for key in given if key not in known] if isinstance(given, dict) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise DataError(f"{where}: expected a name, or a mapping of a name to its options; got {given!r}.")
    if len(names) > 1:
        second = document.at(*place, names[1])
        raise UnknownNameError(f"setting at {second} (options go below the name):", names[1], known)
    options = given[names[0]] or {}
    if not isinstance(options, dict):
        raise DataError(f"{document.at(*place, names[0])}: expected a mapping of options; got {options!r}.")
    own = {key: value for key, value in given.items() if key in Settings.model_fields}
    data = given.get("data") if of_task else None
    return Entry(
        _task_name(file, names[0]) if of_task else names[0],
        options,
        _settings(document, place, own, Settings),
        None if data is None else _near(file, str(data)),
        document.at(*place, names[0]),
    )


def _settings(document: Located, place: tuple[Any, ...], given: Any, model: type[S]) -> S:
    if not isinstance(given, dict):
        raise DataError(f"{document.at(*place)}: expected a mapping of settings; got {given!r}.")
    for key in given:
        if key not in model.model_fields:
            raise UnknownNameError(f"setting at {document.at(*place, key)}:", str(key), sorted(model.model_fields))
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        where = document.at(*place, *first["loc"])
        raise ConfigError(f"{where}: {field} cannot be {first.get('input')!r}: {first['msg']}.") from error


def _task_name(file: Path | None, name: str) -> str:
    """A task's YAML as seen from the suite; another name stays, though a folder with its data may lie there."""
    return _near(file, name) if name.endswith((".yaml", ".yml")) else name


def _near(file: Path | None, name: str) -> str:
    """A path as seen from the file that names it, where something is there; else as it is."""
    near = file.parent / name if file is not None else Path(name)
    return str(near) if near.exists() else name
