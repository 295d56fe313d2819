"""Writes `docs/reference/` from the code, so that it cannot drift: `make docs`; a test compares."""

import importlib
import inspect
import re
import sys
import types
import typing
from pathlib import Path
from typing import Any

import typer.main
from pydantic import BaseModel

from evals.cli.main import VERBS
from evals.loading import load_task
from evals.task_names import TASKS
from reasoning import plugins
from strategies.named import Named
from strategies.stopping import Stop
from strategies.strategy import Strategy
from strategies.voting import Vote

FOLDER = Path(__file__).parent / "reference"


def command_line() -> str:
    """`--help` of every verb."""
    import click

    pages = ["# The command line\n"]
    for verb in VERBS:
        command: Any = typer.main.get_command(importlib.import_module(VERBS[verb][0]).app)
        pages.append(f"## {verb}\n\n{_help(click, command, f'reasoning {verb}')}")
        for name, inner in getattr(command, "commands", {}).items():
            pages.append(f"### {verb} {name}\n\n{_help(click, inner, f'reasoning {verb} {name}')}")
    return "\n".join(pages)


def _help(click: Any, command: Any, path: str) -> str:
    context = click.Context(command, info_name=path, terminal_width=100, max_content_width=100)
    return f"```\n{command.get_help(context)}\n```\n"


def strategies() -> str:
    """Every strategy, vote and stopping rule with its fields."""
    pages = ["# Strategies, votes and stopping rules\n"]
    for title, kind in (("Strategies", Strategy), ("Votes", Vote), ("Stopping rules", Stop)):
        pages.append(f"## {title}\n")
        pages.extend(_fields(name, plugins.load(kind.group, kind.names, name, kind.what)) for name in kind.names)
    return "\n".join(pages)


def _fields(name: str, kind: type[Named]) -> str:
    told = inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    lines = [f"### {name}\n", f"{told}\n"]
    if kind.model_fields:
        lines += ["| field | type | default | |", "|---|---|---|---|"]
    meant = _attributes(kind)
    for field, info in kind.model_fields.items():
        default = "required" if info.is_required() else f"`{_short(info.get_default(call_default_factory=True))}`"
        lines.append(f"| `{field}` | `{_type(info.annotation)}` | {default} | {meant.get(field, '')} |")
    return "\n".join(lines) + "\n"


def _attributes(kind: type) -> dict[str, str]:
    """What the docstrings of a class and those it comes from say of each field."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        _, _, text = inspect.cleandoc(vars(one).get("__doc__") or "").partition("Attributes:\n")
        for field, told in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", text, flags=re.M):
            found[field] = " ".join(told.split()).replace("|", "\\|")
    return found


def _type(annotation: Any) -> str:
    """A field's type as a person writes it."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(inner[0])
    if origin in (typing.Union, types.UnionType):
        return " \\| ".join(_type(one) for one in inner)
    if origin is typing.Literal:
        return " \\| ".join(repr(one) for one in inner)
    if origin is not None:
        return f"{origin.__name__}[{', '.join('…' if one is Ellipsis else _type(one) for one in inner)}]"
    return "None" if annotation is type(None) else getattr(annotation, "__name__", str(annotation))


def _short(value: Any) -> str:
    if isinstance(value, Named):
        return value.name()
    if isinstance(value, BaseModel):
        given = {field: one for field, one in value.model_dump(mode="json").items() if one not in (None, [], False)}
        return ", ".join(f"{field}={one}" for field, one in given.items())
    return repr(value).replace("\n", " ").replace("|", "\\|")


def tasks() -> str:
    """Every task of rows with what it says of itself; generated ones by a word."""
    lines = ["# Tasks\n", "| task | answers | source | |", "|---|---|---|---|"]
    for name in TASKS:
        task = load_task(name)
        lines.append(f"| `{name}` | {type(task.kind).__name__.lower()} | {task.source} | {task.description} |")
    lines.append("\nBesides, `reasoning-gym:<name>` for each of its generators: `reasoning list tasks` names them.\n")
    return "\n".join(lines)


PAGES = {"command-line.md": command_line, "strategies.md": strategies, "tasks.md": tasks}


def main() -> None:
    """Writes all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
        print(FOLDER / name, file=sys.stderr)


if __name__ == "__main__":
    main()
