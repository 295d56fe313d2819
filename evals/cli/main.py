"""`reasoning VERB …`: finds the verb, and turns errors into one sentence and an exit code.

Exit codes: 0 every item has an answer or an honest wrong one; 1 items were lost to failures or the spend limit, or the
run was stopped; 2 usage; 3 and 4 from `compare --gate`; 130 interrupted, by Ctrl-C or SIGTERM.
"""

import importlib
import logging
import os
import sys
from typing import Any

import typer
import typer.core
import typer.main

from evals.cli.interrupted import Interrupted, end_on_sigterm
from evals.terminal import safe_streams

VERBS = {
    "run": ("evals.cli.run", "Run a task or a suite of them, or go on with it."),
    "solve": ("evals.cli.solve", "Answer one question."),
    "compare": ("evals.cli.compare", "Compare runs, with a verdict; --gate for pipelines."),
    "show": ("evals.cli.show", "Show a run, or one of its problems."),
    "report": ("evals.cli.report", "Write runs as one self-contained page for a browser."),
    "replay": ("evals.cli.replay", "Say what other votes, rules and budgets give on a run's draws."),
    "plan": ("evals.cli.plan", "Say what a run would cost, take and be able to show."),
    "errors": ("evals.cli.errors", "Say why problems were missed."),
    "rescore": ("evals.cli.rescore", "Score a run again with another extractor or other labels."),
    "export": ("evals.cli.export", "Write runs as a table, csv or parquet."),
    "import": ("evals.cli.import_", "Make a run of texts that were bought elsewhere."),
    "list": ("evals.cli.list", "List tasks, strategies, backends or suites."),
    "store": ("evals.cli.store", "Look after the store of draws."),
    "doctor": ("evals.cli.doctor", "Say what works on this machine, and the remedy for what does not."),
}
"""Each verb with its module, which has a Typer named `app`, and its line in the help."""

INTERRUPTED = 130


class Verbs(typer.core.TyperGroup):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs, in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a verb; None where there is none of that name."""
        if cmd_name not in VERBS:
            return None
        command = typer.main.get_command(importlib.import_module(VERBS[cmd_name][0]).app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the list of verbs, importing none."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments name.

        Raises:
            UnknownNameError: There is none; the message lists the known ones and the nearest.
        """
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from reasoning.errors import UnknownNameError

            raise UnknownNameError("verb", args[0], VERBS)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Runs the verb; Ctrl-C keeps its own exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Interrupted(still_running=type(error) is not KeyboardInterrupt) from None


app = typer.Typer(cls=Verbs, rich_markup_mode=None, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback(epilog="Example: reasoning run gsm8k --backend local --strategy chain-of-thought --limit 100")
def reasoning() -> None:
    """Inference-time reasoning strategies for LLMs: run them, score them, compare them."""


def main() -> None:
    """The console script."""
    end_on_sigterm()
    with safe_streams():
        try:
            app()
        except Interrupted as stop:
            print("Interrupted." + (f" Go on with: {stop.resume}" if stop.resume else ""), file=sys.stderr, flush=True)
            if stop.still_running:
                os._exit(INTERRUPTED)
            sys.exit(INTERRUPTED)
        except Exception as error:  # noqa: BLE001 (what is not of the family is raised again)
            sys.exit(_told(error))


def _told(error: Exception) -> int:
    """Says an error of the family in one sentence; the exit code. Anything else is a fault of ours and goes on up."""
    from reasoning.errors import FAMILY, UsageError
    from sandbox.errors import SandboxError

    if not isinstance(error, FAMILY):
        raise error
    if logging.getLogger().isEnabledFor(logging.INFO):
        logging.getLogger("reasoning").info("where it happened", exc_info=error)
    print(f"reasoning: {error}", file=sys.stderr)
    return 2 if isinstance(error, UsageError | SandboxError) else 1


if __name__ == "__main__":
    main()
