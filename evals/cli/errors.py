"""`reasoning errors RUN`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from evals.cli import options

if TYPE_CHECKING:
    from evals.missed import Misses

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_EXAMPLES = 4


@app.command(epilog="Example: reasoning errors runs/gsm8k--chain-of-thought--local --labels gsm8k-platinum")
def errors(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.")],
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|TASK", help='Verified labels: gsm8k-platinum, a copy of it, or {"id", "gold"} a line.'
        ),
    ] = None,
    items: Annotated[bool, typer.Option("--items", help="A line for each miss.")] = False,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Say why problems were missed, and what the score would be without each cause."""
    options.set_up_logging(verbose)
    from evals.labels import PLATINUM, read_labels
    from evals.missed import misses
    from evals.run import load_run

    loaded = load_run(run)
    found = misses(loaded, None if labels is None else read_labels(labels))
    if labels is None and loaded.task == "gsm8k":
        print(
            f"note: doubtful labels were not looked for; name verified ones with --labels {PLATINUM}.", file=sys.stderr
        )
    if json:
        options.print_json(found.to_json())
    else:
        print(_page(found, items))


def _page(found: "Misses", items: bool) -> str:
    from evals import rendering
    from evals.missed import CAUSES

    missed = len(found.misses) + found.not_run
    head = f"{missed} of {found.planned} problems are not right; accuracy {rendering.percent(found.accuracy)} %"
    if found.guessed is not None:
        share = rendering.percent(found.guessed)
        head += f"; {share} % of the paths' answers are guessed (nothing in the text says that they are the answer)"
    rows = []
    for cause in CAUSES:
        count = found.count(cause)
        if not count and not (cause == "doubtful label" and found.labels):
            continue
        ids = [miss.id for miss in found.of(cause)]
        shown = ", ".join(ids[:_EXAMPLES]) + (", …" if len(ids) > _EXAMPLES else "")
        rows.append([cause, str(count), rendering.percent(found.corrected(cause)), shown])
    table = rendering.table(("cause", "misses", "accuracy % without", "problems"), rows, (1, 2))
    parts = [head, table]
    if items:
        listed = [
            [
                miss.id + (f" ({miss.repeat})" if miss.repeat else ""),
                miss.cause,
                rendering.shortened(miss.answer or rendering.NONE, 24),
                rendering.shortened(miss.gold or rendering.NONE, 24),
                rendering.shortened(miss.detail, 50),
            ]
            for miss in found.misses
        ]
        parts.append(rendering.table(("id", "cause", "answer", "gold", "evidence"), listed))
    return "\n\n".join(parts)
