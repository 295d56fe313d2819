"""`reasoning solve "QUESTION"`."""

import sys
from typing import Annotated, Any

import typer

from evals.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLE = 'reasoning solve "A robe takes 2 bolts of blue fiber and half that much white fiber. How many in all?"'


@app.command(epilog=f"Example: {EXAMPLE} --strategy program-of-thought")
def solve(
    question: Annotated[str, typer.Argument(help="The question.")],
    backend: Annotated[str, typer.Option("--backend", "-b", metavar="SPEC", help="Such as local.")] = "local",
    strategy: Annotated[
        str, typer.Option("--strategy", "-s", metavar="NAME", help="Such as self-consistency.")
    ] = "chain-of-thought",
    field: options.StrategyField = [],  # noqa: B006 (typer copies)
    option: options.BackendOption = [],  # noqa: B006
    role: options.Role = [],  # noqa: B006
    kind: Annotated[str, typer.Option(help="The answer's kind: number, choice, boolean, text, expression.")] = "number",
    seed: Annotated[int, typer.Option(metavar="S", help="Other seeds, other draws: 0 (the default) to 32767.")] = 0,
    deadline: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Answer from what is there by then.")
    ] = None,
    store: options.Store = None,
    fresh: options.Fresh = False,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Answer one question."""
    options.set_up_logging(verbose)
    import contextlib

    from evals.overrides import overridden, pairs
    from evals.pages import result_note
    from evals.score import is_lost
    from reasoning.answer import kind as kind_of
    from reasoning.backends.opening import open_backend
    from reasoning.problem import Problem
    from strategies.strategy import Strategy

    name, fields = options.strategy_entry(strategy)
    chosen = Strategy.of_config({name: overridden(name, fields, pairs(field, "-S"))})
    asked = Problem.of(question).model_copy(update={"kind": kind_of(kind)})
    kept = options.store_file(store) or "none"
    anew: dict[str, Any] = {"fresh": True} if fresh else {}
    with contextlib.ExitStack() as opened:
        opened.enter_context(options.stdout_apart())
        model = opened.enter_context(open_backend(backend, store=kept, **anew | pairs(option, "-B")))
        roles = {
            part: opened.enter_context(open_backend(spec, store=kept, **anew))
            for part, spec in options.role_specs(role).items()
        }
        result = chosen.solve(asked, model, backends=roles, seed=seed, deadline=deadline)
    print(result_note(result), file=sys.stderr)
    if json:
        options.print_json(result.model_dump(mode="json"))
    elif result.answer is not None:
        print(asked.kind.text(result.answer))
    if is_lost(result.answer is not None, [path.status for path in result.paths], result.error):
        raise typer.Exit(1)
