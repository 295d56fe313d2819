"""Options that several verbs share, and how they are read."""

import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

Backend = Annotated[
    list[str], typer.Option("--backend", "-b", metavar="SPEC", help="A backend such as local or openai/gpt-4o-mini.")
]
Strategy = Annotated[
    list[str], typer.Option("--strategy", "-s", metavar="NAME", help="A strategy's name, or {name: {field: value}}.")
]
StrategyField = Annotated[
    list[str], typer.Option("-S", metavar="KEY=VALUE", help="A field of the strategies: of.sampling.temperature=0.7.")
]
BackendOption = Annotated[
    list[str], typer.Option("-B", metavar="KEY=VALUE", help="An option of the backends: max_concurrency=8.")
]
Role = Annotated[list[str], typer.Option("--role", metavar="ROLE=SPEC", help="A further model: judge=openai/gpt-4o.")]
Data = Annotated[str | None, typer.Option("--data", metavar="FILE", help="A local copy of the task's data.")]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", help="Only the first N items.")]
Where = Annotated[
    str | None, typer.Option("--where", metavar="CONDITION", help="Only items that meet it: 'level >= 4'.")
]
Order = Annotated[str | None, typer.Option("--order", metavar="seeded|source", help="Which items come first.")]
Repeats = Annotated[
    int | None, typer.Option("--repeats", metavar="R", help="Solve each item R times, with other draws.")
]
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="S", help="Other seeds, other draws: 0 (the default) to 32767.")
]
Name = Annotated[str | None, typer.Option("--name", metavar="N", help="A name for the run, part of its folder's.")]
Tag = Annotated[list[str], typer.Option("--tag", metavar="KEY=VALUE", help="A tag, recorded with the run.")]
Replicas = Annotated[int | None, typer.Option("--replicas", metavar="N", help="Copies of each engine, over Ray.")]
Store = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="FILE|none", help="Where draws are kept; else REASONING_STORE, else the user's data folder."
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Count nothing that is stored by now; do a finished run again.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, and nothing else there.")]
Verbose = Annotated[
    int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Log what happens; twice, everything.")
]


class _Stderr(logging.StreamHandler[Any]):
    """Writes to whatever standard error is by then: a live display stands in for it while it is up."""

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, stream: Any) -> None:
        """Kept out: `sys.stderr` is looked up each time."""


def set_up_logging(verbose: int) -> None:
    """Warnings go to standard error; with `-v` what happens, with `-vv` everything but the headers of HTTP."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", handlers=[_Stderr()])
    for prints_headers in ("openai", "httpx2", "httpcore2", "h2", "hpack"):  # of replies, in which a key may stand
        logging.getLogger(prints_headers).setLevel(max(level, logging.INFO))
    logging.getLogger("reasoning.replicas").setLevel(min(level, logging.INFO))  # loading them can take minutes


def stdout_apart() -> contextlib.AbstractContextManager[Any]:
    """What engines, plug-ins and Ray print inside goes to standard error: standard output is the verb's."""
    return contextlib.redirect_stdout(sys.stderr)


def store_file(flag: str | None, suite: str | None = None) -> Path | None:
    """The store to use: flag, else REASONING_STORE, else the suite's, else the user's data folder; None for "none"."""
    from reasoning.store.place import default_path, path_of

    named = flag if flag is not None else os.environ.get("REASONING_STORE") or suite
    if named is None:
        return default_path()
    return path_of(named)


def strategy_entry(given: str) -> tuple[str, dict[str, Any]]:
    """A strategy as it is given to `--strategy`: its name and its fields.

    Raises:
        ConfigError: It is neither a name nor a mapping of one to its fields.
    """
    if not given.lstrip().startswith("{"):
        return given, {}
    import yaml

    from reasoning import yaml_text
    from reasoning.errors import ConfigError

    try:
        read = yaml_text.load(given)
    except yaml.YAMLError as error:
        raise ConfigError(f"--strategy {given!r} is no YAML; write {{name: {{field: value}}}}.") from error
    if not isinstance(read, dict) or len(read) != 1 or not isinstance(next(iter(read.values())) or {}, dict):
        raise ConfigError(f"--strategy takes a name, or {{name: {{field: value}}}}; got {given!r}.")
    ((name, fields),) = read.items()
    return str(name), dict(fields or {})


def role_specs(given: Sequence[str]) -> dict[str, str]:
    """`["judge=openai/gpt-4o"]` as `{"judge": "openai/gpt-4o"}`.

    Raises:
        ConfigError: One of them is no `ROLE=SPEC`.
    """
    from reasoning.errors import ConfigError

    roles = {}
    for text in given:
        role, sign, spec = text.partition("=")
        if not (role and sign and spec):
            raise ConfigError(f"--role takes ROLE=SPEC, such as judge=openai/gpt-4o; got {text!r}.")
        roles[role] = spec
    return roles


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    import json

    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, allow_nan=False)
    sys.stdout.write("\n")
