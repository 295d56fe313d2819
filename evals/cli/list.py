"""`reasoning list tasks|strategies|backends|suites`."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from evals.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("list", epilog="Example: reasoning list tasks")
def list_(
    what: Annotated[str, typer.Argument(metavar="tasks|strategies|backends|suites", help="What to list.")],
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """List tasks, strategies, backends or suites, plug-ins' among them."""
    options.set_up_logging(verbose)
    if what not in LISTS:
        from reasoning.errors import UnknownNameError

        raise UnknownNameError("list", what, LISTS)
    entries = LISTS[what]()
    if json:
        options.print_json({what: entries})
        return
    width = max((len(entry["name"]) for entry in entries if isinstance(entry, dict)), default=0)
    for entry in entries:
        if isinstance(entry, dict):
            name, *rest = entry.values()
            print(f"{name.ljust(width)}  {' · '.join(rest)}")
        else:
            print(entry)


def _tasks() -> list[Any]:
    from evals.task_names import task_names

    return list(task_names())


def _strategies() -> list[Any]:
    from evals.overrides import strategy_class
    from strategies.strategy import Strategy

    entries = []
    for name in Strategy.known():
        model = strategy_class(name)
        fields = ", ".join(model.model_fields)
        about = (model.__doc__ or "").strip().splitlines()
        entries.append({"name": name, "about": about[0] if about else "", "fields": fields})
    return entries


def _backends() -> list[Any]:
    from reasoning import plugins
    from reasoning.backends.opening import DRIVERS, GROUP, driver_names
    from reasoning.errors import ReasoningError

    entries = []
    for name in driver_names():
        try:
            driver = plugins.load(GROUP, DRIVERS, name, "backend")
            about = (driver.__doc__ or "").strip().splitlines()
            entries.append({"name": name, "about": about[0] if about else ""})
        except (ImportError, ReasoningError) as error:
            entries.append({"name": name, "about": f"not usable here: {error}"})
    return entries


def _suites() -> list[Any]:
    from evals.suite import suite_names

    return list(suite_names())


LISTS: dict[str, Callable[[], list[Any]]] = {
    "tasks": _tasks,
    "strategies": _strategies,
    "backends": _backends,
    "suites": _suites,
}
"""What can be listed."""
