"""`reasoning plan TASK|SUITE`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from evals.cli import options

if TYPE_CHECKING:
    from evals.planning import Plan, Range

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLE = "reasoning plan gsm8k --backend local --strategy self-consistency -S of=chain-of-thought -S samples=5"


@app.command(epilog=f"Example: {EXAMPLE}")
def plan(
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
    pilot: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Problems to buy, and store, to go by (20); 0 buys none.")
    ] = None,
    store: options.Store = None,
    spend_limit: Annotated[
        list[str], typer.Option(metavar="KEY=N", help="A hard limit on the pilot: usd=5, tokens=1000000 or calls=500.")
    ] = [],  # noqa: B006
    replicas: options.Replicas = None,
    ray: Annotated[str | None, typer.Option(metavar="ADDRESS", help="With --replicas: a Ray cluster.")] = None,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Say what a run would still cost and take, less what is stored, and the least difference that it could show."""
    options.set_up_logging(verbose)
    from evals.cli.asked import asked
    from evals.matrix import matrix
    from evals.overrides import pairs
    from evals.planning import PILOT, plan_matrix
    from reasoning import loop

    settings = {"limit": limit, "where": where, "order": order, "repeats": repeats, "seed": seed}
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
        settings=settings,
    )
    kept = options.store_file(store, suite.defaults.store)
    with options.stdout_apart():
        plans = loop.run(plan_matrix(matrix(suite, flags), store=kept, pilot=PILOT if pilot is None else pilot))
    if json:
        options.print_json({"plans": [one.to_json() for one in plans]})
    else:
        print("\n\n".join(_page(one) for one in plans))


def _page(one: "Plan") -> str:
    from evals import rendering

    def ends(range: "Range", shown: Callable[[float], str] = rendering.count) -> str:
        return f"{shown(range.guess)} ({shown(range.low)} to {shown(range.high)})"

    cost = rendering.NONE if one.cost is None else ends(one.cost, rendering.money)
    repeats = f" × {one.repeats}" if one.repeats > 1 else ""
    told = [
        ("items", f"{one.items}{repeats}; {one.remaining} problems with draws to buy, {one.stored} draws are stored"),
        ("draws", ends(one.draws)),
        ("calls", ends(one.calls)),
        ("tokens", ends(one.tokens)),
        ("cost", cost),
        ("time", ends(one.seconds, rendering.duration)),
        ("accuracy", f"{ends(one.accuracy, rendering.percent)} % by {one.known} problems"),
        ("shows from", f"{ends(one.unpaired, rendering.percent)} points on, to a run on other items"),
        ("", f"{ends(one.paired, rendering.percent)} points on, to a run on the same items"),
    ]
    if one.paid is not None:
        told.append(("pilot paid", f"{rendering.money(one.paid.usd)}, {one.paid.draws} draws"))
    width = max(len(label) for label, _ in told)
    return "\n".join([one.name, *(f"  {label.ljust(width)}  {value}" for label, value in told)])
