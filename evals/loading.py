"""Finds a task by its name: the project's own, reasoning-gym's, a person's YAML, a plug-in's."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evals.definition import Definition, read_definition
from evals.gym import gym_task
from evals.reading import ItemsOf
from evals.task import Task
from evals.task_names import GROUP, PREFIX, TASKS, task_names
from reasoning import plugins
from reasoning.errors import ConfigError, DataError, UnknownNameError, UsageError

FOLDER = Path(__file__).parent / "tasks"
_OF_SOURCE = ("split", "revision")


def load_task(name: str | Path, /, data: str | Path | None = None, **options: Any) -> Task:
    """A task by its name. Its items are read when they are first asked for.

    Args:
        name: A name of `task_names()`; or a YAML file.
        data: A local copy of the task's data, in the layout in which it is published: a file of JSON Lines, JSON, CSV
            or parquet, or a folder that `datasets` can read.
        **options: For a task of rows: `split`, `revision`, or any field of its definition, e.g. `quantum=0.01`. For
            `reasoning-gym:<name>`: `size`, `seed`, `partial` and the generator's own. For a plug-in: its own.

    Raises:
        UnknownNameError: No such task, or option.
        ConfigError: An option has a value that it cannot have.
        DataError: The YAML file is not a task; or, when the items are first asked for, the data cannot be read.
    """
    text = str(name)
    if text.endswith((".yaml", ".yml")):
        return _of_definition(read_definition(Path(text)), text, data, options)
    if text.startswith(PREFIX):
        if data is not None:
            raise ConfigError(f"{text} is generated and reads no file; leave out --data.")
        return gym_task(text.removeprefix(PREFIX), **options)
    if text in TASKS:
        plain, _, variant = text.partition(":")
        definition = read_definition(FOLDER / f"{plain}.yaml")
        return _of_definition(definition.variant(variant) if variant else definition, text, data, options)
    if text not in plugins.names(GROUP, {}):
        raise UnknownNameError("task", text, task_names())
    return _of_plugin(text, data, options)


def _of_definition(definition: Definition, name: str, data: str | Path | None, options: Mapping[str, Any]) -> Task:
    definition = _changed(definition, options)
    copy = None if data is None else Path(data)
    if copy is not None and not copy.exists():
        raise DataError(f"{copy}: no such file; --data takes a local copy of {definition.source}.")
    return Task(
        name=definition.name if name.endswith((".yaml", ".yml")) else name,
        kind=definition.answer_kind,
        load=lambda: ItemsOf(definition, definition.source.read(copy)),
        shots=definition.shots,
        source=str(copy or definition.source),
        description=definition.description,
    )


def _changed(definition: Definition, options: Mapping[str, Any]) -> Definition:
    if not options:
        return definition
    known = [*_OF_SOURCE, *(field for field in Definition.model_fields if field not in ("name", "variants"))]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of {definition.name}", option, known)
    fields = definition.model_dump(by_alias=True, exclude_unset=True)
    hub = {key: options[key] for key in _OF_SOURCE if key in options}
    if hub and "source" in options:
        raise ConfigError(f"{definition.name}: write {' and '.join(hub)} into the source's hub, or leave out source.")
    if hub and definition.source.hub is None:
        raise ConfigError(f"{definition.name} reads {definition.source}, which has no {' or '.join(hub)}.")
    fields |= {key: value for key, value in options.items() if key not in _OF_SOURCE}
    if hub:
        fields["source"] = {"hub": {**fields["source"]["hub"], **hub}}
    try:
        return Definition.model_validate(fields)
    except ValidationError as error:
        found = error.errors()[0]
        field = ".".join(str(part) for part in found["loc"])
        raise ConfigError(f"{definition.name}: {field}: {found['msg'].removeprefix('Value error, ')}.") from error


def _of_plugin(name: str, data: str | Path | None, options: Mapping[str, Any]) -> Task:
    """A plug-in gives a task, or a function that makes one from options."""
    found: Task | Callable[..., Task] = plugins.load(GROUP, {}, name, "task")
    arguments = dict(options) if data is None else {"data": Path(data), **options}
    if isinstance(found, Task):
        if arguments:
            raise UsageError(f"The task {name!r} of a plug-in takes no options; leave out {', '.join(arguments)}.")
        return found
    made = found(**arguments)
    if not isinstance(made, Task):
        raise ConfigError(f"The plug-in {name!r} gave {type(made).__name__}; expected an evals.Task.")
    return made
