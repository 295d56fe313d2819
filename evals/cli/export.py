"""`reasoning export RUN…`."""

from pathlib import Path
from typing import Annotated

import typer

from evals.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(epilog="Example: reasoning export runs/gsm8k--chain-of-thought--local --to parquet -o items.parquet")
def export(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Runs' folders.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where to.")],
    to: Annotated[
        str | None, typer.Option(metavar="csv|parquet", help="The format; else by the file's ending.")
    ] = None,
    paths: Annotated[bool, typer.Option("--paths", help="One row a path instead of one a problem.")] = False,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Write runs as one table."""
    options.set_up_logging(verbose)
    from evals.exporting import export as exported
    from evals.run import load_run
    from reasoning.errors import UnknownNameError

    if to not in (None, "csv", "parquet"):
        raise UnknownNameError("format", str(to), ("csv", "parquet"))
    count = exported([load_run(run) for run in runs], out, to, paths=paths)  # type: ignore[arg-type]  # checked above
    if json:
        options.print_json({"file": str(out), "rows": count, "runs": len(runs)})
    else:
        print(f"{count} rows written to {out}.")
