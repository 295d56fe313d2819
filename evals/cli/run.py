"""`reasoning run TASK|SUITE`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from evals.cli import options
from evals.cli.interrupted import Interrupted

app = typer.Typer(rich_markup_mode=None, add_completion=False)

MOST_LOOKED_AT = 1_000
"""Problems that are read again to say why some were lost."""

EXAMPLE = (
    "reasoning run gsm8k --backend local --strategy self-consistency -S of=chain-of-thought -S samples=5 --limit 50"
)


@app.command(epilog=f"Example: {EXAMPLE}")
def run(
    target: Annotated[str, typer.Argument(metavar="TASK|SUITE", help="A task, a task's or suite's YAML, or demo.")],
    backend: options.Backend = [],  # noqa: B006 (typer copies)
    strategy: options.Strategy = [],  # noqa: B006
    field: options.StrategyField = [],  # noqa: B006
    option: options.BackendOption = [],  # noqa: B006
    role: options.Role = [],  # noqa: B006
    data: options.Data = None,
    limit: options.Limit = None,
    where: options.Where = None,
    order: options.Order = None,
    repeats: options.Repeats = None,
    seed: options.Seed = None,
    name: options.Name = None,
    tag: options.Tag = [],  # noqa: B006
    out: Annotated[str | None, typer.Option(metavar="DIR", help="The runs' parent folder; runs/ by default.")] = None,
    store: options.Store = None,
    fresh: options.Fresh = False,
    spend_limit: Annotated[
        list[str], typer.Option(metavar="KEY=N", help="A hard limit in all: usd=5, tokens=1000000 or calls=500.")
    ] = [],  # noqa: B006
    replicas: options.Replicas = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The Ray cluster's head, HOST:PORT or auto; else one here.")
    ] = None,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Run a task or a suite of them, or go on with it: a folder that holds the run already is gone on with."""
    options.set_up_logging(verbose)
    from evals.cli.asked import asked
    from evals.matrix import matrix, run_matrix
    from evals.overrides import pairs
    from evals.progress import display
    from reasoning import loop

    suite, flags = asked(
        target,
        backends=backend,
        strategies=strategy,
        fields=pairs(field, "-S"),
        options=pairs(option, "-B")
        | {key: value for key, value in (("replicas", replicas), ("ray", ray)) if value is not None},
        roles=options.role_specs(role),
        data=data,
        spend_limit=pairs(spend_limit, "--spend-limit"),
        fresh=fresh,
        settings={
            "limit": limit,
            "where": where,
            "order": order,
            "repeats": repeats,
            "seed": seed,
            "name": name,
            "tags": {key: str(value) for key, value in pairs(tag, "--tag").items()},
        },
    )
    whole = matrix(suite, flags)
    folder = Path(out) if out is not None else suite.defaults.out or Path("runs")
    kept = options.store_file(store, suite.defaults.store)
    try:
        with display() as shown, options.stdout_apart():
            runs = loop.run(run_matrix(whole, out=folder, store=kept, listeners=[shown]))
    except KeyboardInterrupt as error:
        still_running = isinstance(error, loop.StillRunningInterrupt)
        raise Interrupted(shlex.join(["reasoning", *sys.argv[1:]]), still_running=still_running) from None
    _tell(runs, json)
    if any(one.failures for one in runs):
        raise typer.Exit(1)


def _tell(runs: list[Any], json: bool) -> None:
    from evals.comparisons.side_by_side import side_by_side
    from evals.pages import backends_tables, runs_table, store_note

    print(f"\n{runs_table(runs)}", file=sys.stderr)
    groups = side_by_side(runs)
    for group in groups:
        print(f"\n{backends_tables(group)}", file=sys.stderr)
    for one in runs:
        if one.store is not None and one.store.draws:
            print(f"reasoning: {one.name}: the store {one.store.path}: {store_note(one.store)}", file=sys.stderr)
        if one.header.stopped_by:
            print(f"reasoning: {one.name} stopped: {one.header.stopped_by}", file=sys.stderr)
        elif one.failures:
            print(f"reasoning: {one.name}: {_lost(one)}", file=sys.stderr)
    if json:
        compared = [
            {"task": group[0].run.task, "strategy": group[0].run.strategy, "rows": [one.to_json() for one in group]}
            for group in groups
        ]
        options.print_json({"runs": [one.to_json() for one in runs], "backends": compared})
    else:
        for one in runs:
            print(one.folder)


def _lost(run: Any) -> str:
    """How many problems a run lost, why most of them, and what to do about it."""
    from collections import Counter
    from itertools import islice

    reasons: Counter[str] = Counter()
    for record in islice(run.records, MOST_LOOKED_AT):
        if record.result.error:
            reasons[record.result.error] += 1
        reasons.update({path.reason: 1 for path in record.result.paths if path.status == "failed" and path.reason})
    why = f", most often: {reasons.most_common(1)[0][0].rstrip('.')}" if reasons else ""
    return (
        f"{run.failures} of {run.header.planned} problems are lost{why}. Run the same command again to go on with them."
    )
