"""`reasoning store stats|prune|merge|export|verify`."""

import contextlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evals.cli import options

if TYPE_CHECKING:
    from reasoning.store.checking import Verified
    from reasoning.store.upkeep import Merged, Pruned, StoreStats

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

File = Annotated[
    str | None, typer.Option("--store", metavar="FILE", help="The store; else REASONING_STORE, else the user's own.")
]
Model = Annotated[
    str | None, typer.Option("--model", metavar="TEXT", help="Only models whose identity, as JSON, holds this text.")
]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


@app.callback(epilog="Example: reasoning store stats")
def store() -> None:
    """Look after the store of draws."""


@app.command(epilog="Example: reasoning store stats --store draws.sqlite")
def stats(file: File = None, json: options.Json = False, verbose: options.Verbose = 0) -> None:
    """Say what the store holds: draws, tokens and money, by model."""
    options.set_up_logging(verbose)
    from reasoning.store import upkeep

    found = upkeep.stats(_path(file))
    if json:
        options.print_json(found.model_dump(mode="json"))
    else:
        print(_stats_page(found))


@app.command(epilog="Example: reasoning store prune --older-than 90d --dry-run")
def prune(
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Draws stored longer ago: 90d, 12h, 30m, 45s, 2w.")
    ] = None,
    model: Model = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    file: File = None,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Remove draws that meet all the conditions given."""
    options.set_up_logging(verbose)
    from reasoning.store import upkeep

    age = None if older_than is None else seconds(older_than)
    pruned: Pruned = upkeep.prune(_path(file), older_than_s=age, model=model, dry_run=dry_run)
    if json:
        options.print_json(pruned.model_dump(mode="json"))
    else:
        done = "Would remove" if dry_run else "Removed"
        freed = "" if dry_run else f"; {_size(pruned.bytes)} given back"
        print(f"{done} {pruned.draws} draws, all of {pruned.requests} requests{freed}.")


@app.command(epilog="Example: reasoning store merge colleague.sqlite --store draws.sqlite")
def merge(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE…", help="Stores whose draws are added.")],
    file: File = None,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Add other stores' draws to the store, which is made if there is none; what is there already stays."""
    options.set_up_logging(verbose)
    from reasoning.store import upkeep

    merged: list[tuple[Path, Merged]] = [(source, upkeep.merge(_path(file), source)) for source in sources]
    if json:
        options.print_json({"merged": [{"source": str(s), **one.model_dump(mode="json")} for s, one in merged]})
        return
    for source, one in merged:
        print(f"{source}: {one.draws} draws and {one.requests} requests added, {one.present} draws were there already.")


@app.command(epilog="Example: reasoning store export -o draws.jsonl")
def export(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where to; else standard output.")
    ] = None,
    model: Model = None,
    file: File = None,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Write the store's draws as JSON lines, each with its model, request and completion."""
    options.set_up_logging(verbose)
    from reasoning.errors import ConfigError
    from reasoning.store import upkeep

    if out is None:
        if json:
            raise ConfigError("With --json the lines cannot go to standard output too; name a file with --out.")
        upkeep.export(_path(file), sys.stdout, model=model)
        return
    part = out.with_name(f".{out.name}.part")  # what is there already stays until the new file is whole
    try:
        with part.open("w", encoding="utf-8") as lines:
            count = upkeep.export(_path(file), lines, model=model)
        part.replace(out)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror}; name another file with --out.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    if json:
        options.print_json({"draws": count, "file": str(out)})
    else:
        print(f"{count} draws written to {out}.")


@app.command(epilog="Example: reasoning store verify")
def verify(file: File = None, json: options.Json = False, verbose: options.Verbose = 0) -> None:
    """Check the file, every key and every draw; exit code 1 where something is wrong."""
    options.set_up_logging(verbose)
    from reasoning.store import checking

    found: Verified = checking.verify(_path(file))
    if json:
        options.print_json({"clean": found.clean, **found.model_dump(mode="json")})
    else:
        state = "nothing is wrong" if found.clean else f"{found.faults} things are wrong"
        print(f"{found.path}: {found.requests} requests and {found.draws} draws looked at, {state}.")
        for problem in found.problems:
            print(f"  {problem}")
    if not found.clean:
        raise typer.Exit(1)


def seconds(age: str) -> float:
    """An age such as `90d` in seconds.

    Raises:
        ConfigError: It is none.
    """
    from reasoning.errors import ConfigError

    read = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", age.strip())
    if read is None:
        raise ConfigError(f"An age is a number and one of s, m, h, d, w, such as 90d; got {age!r}.")
    return float(read[1]) * _SECONDS[read[2]]


def _path(file: str | None) -> Path:
    from reasoning.errors import ConfigError

    path = options.store_file(file)
    if path is None:
        raise ConfigError("The store is set to none; name one with --store FILE.")
    return path


def _stats_page(found: "StoreStats") -> str:
    lines = [f"{found.path}: {found.draws} draws of {found.requests} requests, {_size(found.bytes)}"]
    if found.oldest is not None and found.newest is not None:
        lines.append(f"stored from {found.oldest:%Y-%m-%d %H:%M} to {found.newest:%Y-%m-%d %H:%M} UTC")
    for model in found.models:
        name = model.identity.get("model") or model.identity.get("name") or "a model without a name"
        where = model.identity.get("endpoint") or model.identity.get("engine") or ""
        usage = model.usage
        money = f"${model.cost:.4f}" + (f" and {model.unpriced} draws of unknown price" if model.unpriced else "")
        lines.append(
            f"  {name} {f'({where})' if where else ''}: {model.draws} draws of {model.requests} requests, "
            f"{usage.prompt_tokens} tokens read, {usage.completion_tokens} written, {money}"
        )
    return "\n".join(lines)


def _size(count: int) -> str:
    for unit, name in _UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"
