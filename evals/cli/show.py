"""`reasoning show RUN [ID]`."""

from typing import Annotated

import typer

from evals.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(epilog="Example: reasoning show runs/gsm8k--chain-of-thought--local --by steps")
def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder.")],
    id: Annotated[str | None, typer.Argument(metavar="ID", help="One of its problems.")] = None,
    by: Annotated[list[str], typer.Option(metavar="COLUMN", help="Accuracy for each value of a column.")] = [],  # noqa: B006 (typer copies)
    items: Annotated[bool, typer.Option("--items", help="A line for each problem.")] = False,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Show a run, or one of its problems with every prompt, text and program."""
    options.set_up_logging(verbose)
    from evals import pages
    from evals.run import load_run

    loaded = load_run(run)
    if id is not None:
        loaded[id]  # an unknown id: the known ones and the nearest
        records = loaded.repeats_of(id)
        if json:
            options.print_json({"id": id, "repeats": [pages.record_json(record) for record in records]})
        else:
            print("\n\n".join(pages.record_page(record) for record in records))
        return
    if json:
        told = {**loaded.to_json(), "header": loaded.header.model_dump(mode="json")}
        if by:
            told["by"] = {column: pages.slices_json(loaded, column) for column in by}
        if items:
            told["results"] = [pages.item_json(record) for record in loaded.records]
        options.print_json(told)
        return
    parts = [pages.run_page(loaded), *(pages.slices_table(loaded, column) for column in by)]
    if items:
        parts.append(pages.items_table(loaded))
    print("\n\n".join(parts))
