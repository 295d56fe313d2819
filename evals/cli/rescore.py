"""`reasoning rescore RUN`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from evals.cli import options

if TYPE_CHECKING:
    from evals.rescoring import Rescored
    from evals.run import Run
    from reasoning.answer import AnswerKind

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLE = "reasoning rescore runs/gsm8k--chain-of-thought--local --quantum 1"


@app.command(epilog=f"Example: {EXAMPLE}")
def rescore(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.")],
    kind: Annotated[
        str | None, typer.Option(help="Read answers as number, choice, boolean, text or expression.")
    ] = None,
    quantum: Annotated[
        str | None, typer.Option(metavar="STEP", help="Round numbers to this; 0 compares exactly.")
    ] = None,
    unit: Annotated[str | None, typer.Option(metavar="UNIT|none", help="The unit of numbers: % or none.")] = None,
    locale: Annotated[str | None, typer.Option(metavar="CODE", help="How numbers are written: en, de, …")] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="FILE|TASK", help='Other golds: {"id", "gold"} a line, or gsm8k-platinum.')
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="N", help="Keep it as a run of this name; else only show.")
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="The kept run's parent folder.")] = None,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Score a run again with another extractor or other labels. No model is called, and the run stays as it is."""
    options.set_up_logging(verbose)
    from evals.rescoring import rescore as scored_again
    from evals.run import load_run

    loaded = load_run(run)
    given = {"quantum": quantum, "unit": unit, "locale": locale}
    wanted = _kind(loaded, kind, {field: value for field, value in given.items() if value is not None})
    found = scored_again(loaded, wanted, labels, out=out, name=name)
    for note in _notes(found):
        print(f"note: {note}", file=sys.stderr)
    if json:
        options.print_json(found.to_json())
    else:
        print(_page(found))


def _kind(run: "Run", name: str | None, fields: dict[str, str]) -> "AnswerKind":
    from reasoning.answer import kind as kind_of

    own = run.header.task.kind
    told: dict[str, object] = {} if name not in (None, own.kind) else own.model_dump(mode="json", exclude={"kind"})
    told |= {field: None if field == "unit" and value == "none" else value for field, value in fields.items()}
    return kind_of(name or own.kind, **told)


def _notes(found: "Rescored") -> list[str]:
    notes = []
    if found.unweighed:
        notes.append(
            f"{found.unweighed} paths have an answer now, and no weight in the log to vote with: they abstain, as the "
            "log-probabilities or grades that they would be weighed by were never asked for."
        )
    if found.short:
        notes.append(
            f"on {found.short} problems the stopping rule would have drawn on; the vote is over the paths there are."
        )
    return notes


def _page(found: "Rescored") -> str:
    from evals import rendering

    (before, before_ends), (after, after_ends) = found.before, found.after
    rows = [
        ["before", str(found.items[0]), rendering.accuracy(before, before_ends)],
        ["now", str(found.items[1]), rendering.accuracy(after, after_ends)],
    ]
    parts = [rendering.table(("", "items", "accuracy % [95 %]"), rows, (1,))]
    if found.changes:
        changed = [
            [
                change.id + (f" ({change.repeat})" if change.repeat else ""),
                *(_both(pair) for pair in (change.answer, change.gold)),
                "left out" if change.score[1] is None else f"{change.score[0]:g} → {change.score[1]:g}",
            ]
            for change in found.changes
        ]
        parts.append(rendering.table(("id", "answer", "gold", "score"), changed))
    parts.append(f"{len(found.changes)} problems changed." + (f" Kept in {found.folder}" if found.folder else ""))
    return "\n\n".join(parts)


def _both(pair: tuple[str | None, str | None]) -> str:
    from evals import rendering

    old, new = (rendering.shortened(rendering.NONE if text is None else text, 30) for text in pair)
    return old if old == new else f"{old} → {new}"
