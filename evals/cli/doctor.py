"""`reasoning doctor`."""

from typing import Annotated

import typer

from evals.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


EXAMPLES = (
    "reasoning doctor",
    "reasoning doctor --prompts gsm8k --shots mine.yaml",
    "reasoning doctor --parity local openai/smollm2 -B 2.base_url=http://localhost:8000/v1",
)


@app.command(epilog=f"Example: {'; '.join(EXAMPLES)}")
def doctor(
    tasks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TASK|SPEC]...",
            help="With --prompts: whose items are not to be shown. With --parity: the backends.",
        ),
    ] = None,
    prompts: Annotated[
        bool, typer.Option("--prompts", help="Instead: do exemplars give items away, do their programs run?")
    ] = False,
    shots: Annotated[
        list[str] | None,
        typer.Option("--shots", metavar="SET", help="With --prompts: these sets only, or a YAML file."),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="FILE", help="With --prompts: a local copy of the task's data.")
    ] = None,
    parity: Annotated[
        bool, typer.Option("--parity", help="Instead: put the same prompts to backends, and say where they part ways.")
    ] = False,
    questions: Annotated[
        str | None,
        typer.Option(
            "--questions", metavar="FILE", help="With --parity: one question a line, or JSON with messages or a prompt."
        ),
    ] = None,
    option: Annotated[
        list[str],
        typer.Option("-B", metavar="[N.]KEY=VALUE", help="With --parity: an option of the backends, or of the Nth."),
    ] = [],  # noqa: B006 (typer copies)
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Say what works on this machine, and the remedy for what does not."""
    options.set_up_logging(verbose)
    misplaced = [
        not prompts and (shots or data),
        not parity and (questions or option),
        not (prompts or parity) and tasks,
    ]
    if (prompts and parity) or any(misplaced):
        from reasoning.errors import UsageError

        raise UsageError(
            "Tasks, --shots and --data go with --prompts; backends, --questions and -B with --parity; ask for one."
        )
    if prompts:
        from evals.cli.prompts import look_over

        return look_over(shots or [], tasks or [], data, json=json)
    if parity:
        from evals.cli.parity import examine
        from evals.overrides import pairs

        return examine(tasks or [], questions, pairs(option, "-B"), as_json=json)
    from evals.cli.machine import findings

    found = findings()
    if json:
        options.print_json({"findings": [finding._asdict() for finding in found]})
        return
    for finding in found:
        print(f"{'ok ' if finding.works else 'NO '} {finding.what}: {finding.told}")
