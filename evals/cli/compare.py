"""`reasoning compare RUN RUN…`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from evals.cli import options

if TYPE_CHECKING:
    from evals.comparisons.comparing import Against

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(epilog="Example: reasoning compare runs/gsm8k--direct--local runs/gsm8k--chain-of-thought--local")
def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Runs' folders; the first is the baseline.")] = [],  # noqa: B006 (typer copies)
    tag: Annotated[
        list[str],
        typer.Option(metavar="KEY=VALUE", help="All runs with this tag; task, strategy, backend, name are tags too."),
    ] = [],  # noqa: B006
    by: Annotated[
        str | None, typer.Option(metavar="KEY", help="Order runs by this tag, and compare each with the one before.")
    ] = None,
    within: Annotated[str, typer.Option("--in", metavar="DIR", help="Where --tag looks for runs.")] = "runs",
    against: Annotated[
        str | None, typer.Option(metavar="all|first|previous", help="Which pairs: all of them by default.")
    ] = None,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="Exit code 3 where the last run is worse than the first, 4 where one cannot tell."),
    ] = False,
    margin: Annotated[
        float | None, typer.Option(metavar="POINTS", help="With --gate: the loss that is put up with; 1.0 by default.")
    ] = None,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Compare runs item by item: the difference with its interval, the price, and a verdict."""
    options.set_up_logging(verbose)
    from evals.comparisons import comparing, gating
    from evals.comparisons.pages import comparison_page
    from evals.comparisons.tagged import tagged
    from reasoning.errors import ConfigError

    if margin is not None and not gate:
        raise ConfigError("--margin goes with --gate.")
    chosen, labels = tagged(runs, tag, by, within)
    pairs = _against(against, by)
    compared = comparing.compare(chosen, against=pairs, labels=labels)
    ends = None if labels is None else [labels[0], labels[-1]]
    held = gating.gate(chosen[0], chosen[-1], 1.0 if margin is None else margin, labels=ends) if gate else None
    if json:
        options.print_json({**compared.to_json(), **({"gate": held.to_json()} if held else {})})
    else:
        print(comparison_page(compared))
    if held is not None:
        print(f"gate: {held.outcome}: {held.verdict}", file=sys.stderr)
        raise typer.Exit(held.exit_code)


def _against(given: str | None, by: str | None) -> "Against":
    if given is None:
        return "all" if by is None else "previous"
    choices: tuple[Against, ...] = ("all", "first", "previous")
    for choice in choices:
        if choice == given:
            return choice
    from reasoning.errors import UnknownNameError

    raise UnknownNameError("--against", given, choices)
