"""`reasoning import FILE.jsonl`."""

import sys
from typing import Annotated, cast

import typer

from evals.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLE = "reasoning import texts.jsonl --task gsm8k --strategy self-consistency -S of=chain-of-thought"


@app.command("import", epilog=f"Example: {EXAMPLE}")
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE.jsonl", help='Lines of {"id", "index", "text"}.')],
    task: Annotated[str, typer.Option(metavar="TASK", help="The task that the texts answer.")],
    strategy: Annotated[str, typer.Option("--strategy", "-s", metavar="NAME", help="How they are read and voted on.")],
    field: options.StrategyField = [],  # noqa: B006 (typer copies)
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The backend's name; the file's by default.")
    ] = None,
    data: options.Data = None,
    limit: options.Limit = None,
    where: options.Where = None,
    order: Annotated[str, typer.Option(metavar="seeded|source", help="Which items come first.")] = "seeded",
    name: options.Name = None,
    tag: options.Tag = [],  # noqa: B006
    out: Annotated[str, typer.Option(metavar="DIR", help="The run's parent folder.")] = "runs",
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Make a run of texts that were bought elsewhere; it scores, replays and compares like any other."""
    options.set_up_logging(verbose)
    from evals.importing import import_run
    from evals.overrides import overridden, pairs
    from evals.pages import runs_table
    from evals.task import Order

    named, fields = options.strategy_entry(strategy)
    run = import_run(
        file,
        task,
        {named: overridden(named, fields, pairs(field, "-S"))},
        model=model,
        data=data,
        limit=limit,
        where=where,
        order=cast("Order", order),
        out=out,
        name=name,
        tags={key: str(value) for key, value in pairs(tag, "--tag").items()},
    )
    print(f"\n{runs_table([run])}", file=sys.stderr)
    if json:
        options.print_json({"runs": [run.to_json()]})
    else:
        print(run.folder)
    if run.failures:
        raise typer.Exit(1)
