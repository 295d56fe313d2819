"""`reasoning replay RUN`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evals.cli import options

if TYPE_CHECKING:
    from evals.replays.fitting import Fitted
    from evals.replays.points import Curves
    from evals.replays.replaying import Replayed

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLE = "reasoning replay runs/gsm8k--self-consistency--local --stop fixed --stop adaptive=0.95 --samples 1..40"


@app.command(epilog=f"Example: {EXAMPLE}")
def replay(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run that votes over paths.")],
    vote: Annotated[
        list[str], typer.Option(metavar="VOTE", help="A vote, e.g. majority or '{judged: {pick: argmax}}'.")
    ] = [],  # noqa: B006 (typer copies)
    stop: Annotated[
        list[str],
        typer.Option(metavar="RULE", help="A stopping rule: fixed, adaptive=0.95, window=5, 'window=5|adaptive=0.9'."),
    ] = [],  # noqa: B006
    samples: Annotated[
        str | None, typer.Option(metavar="N,N…|A..B", help="Most draws a problem; 1 to all by default.")
    ] = None,
    holdout: Annotated[
        float, typer.Option(metavar="SHARE", help="Items that the cheapest setting is told on; 0 chooses none.")
    ] = 0.5,
    strategy: Annotated[
        list[str],
        typer.Option(
            "--strategy", "-s", metavar="NAME", help="A strategy, as in run: what it does not state is the run's."
        ),
    ] = [],  # noqa: B006
    fit_prior: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Fit a prior for adaptive on one part of the items, and save it."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="S", help="Of the random orders, and of what is held out.")] = 0,
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="FILE|none", help="Where draws are that the run's log lacks; as for run."),
    ] = None,
    json: options.Json = False,
    verbose: options.Verbose = 0,
) -> None:
    """Say what votes, stopping rules and budgets, or other strategies, give on a run's draws; nothing is bought."""
    options.set_up_logging(verbose)
    from evals.replays.curving import curves
    from evals.replays.fitting import fit_prior as fitted_prior
    from evals.replays.replaying import replay as replayed
    from evals.run import load_run

    loaded = load_run(run)
    counts = None if samples is None else numbers(samples)
    kept = options.store_file(store)
    if store is None and kept is not None and not kept.exists():
        kept = None  # nobody named it, and nothing was ever stored
    entries = [dict([options.strategy_entry(one)]) for one in strategy]
    answered = replayed(loaded, entries, store=kept) if entries else ()
    fitted = None
    if fit_prior is not None:
        most = None if counts is None else max(counts)
        fitted = fitted_prior(loaded, samples=most, holdout=holdout or 0.5, seed=seed)
        _save(fitted, fit_prior)
    found = None
    if vote or stop or samples or not (strategy or fit_prior):
        found = curves(
            loaded,
            votes=vote or None,
            stops=stop or None,
            samples=counts,
            holdout=holdout or None,
            seed=seed,
            store=kept,
        )
    if json:
        options.print_json(_document(found, answered, fitted))
    else:
        print("\n\n".join(_pages(found, answered, fitted)))
    if fit_prior is not None:
        print(
            f"The prior is in {fit_prior}: use it with -S 'stop={{adaptive: {{prior: {fit_prior}}}}}'", file=sys.stderr
        )


def _save(fitted: "Fitted", file: Path) -> None:
    from reasoning.errors import ConfigError

    try:
        fitted.prior.save(file)
    except OSError as error:
        raise ConfigError(f"The prior {file} cannot be written: {error.strerror}; name another file.") from error


def numbers(text: str) -> list[int]:
    """`1..40`, `1,5,10` or both as numbers.

    Raises:
        ConfigError: It is neither, or a range that holds none.
    """
    from reasoning.errors import ConfigError

    found: list[int] = []
    for part in text.split(","):
        low, dots, high = part.partition("..")
        try:
            within = range(int(low), int(high if dots else low) + 1)
        except ValueError:
            within = range(0)
        if not within:
            raise ConfigError(f"--samples takes numbers such as 1..40 or 1,5,10,20; got {text!r}.")
        found += within
    return found


def _document(found: "Curves | None", answered: "tuple[Replayed, ...]", fitted: "Fitted | None") -> dict[str, Any]:
    told: dict[str, Any] = {"curves": [], "cheapest": None} if found is None else found.to_json()
    if answered:
        told["strategies"] = [one.to_json() for one in answered]
    if fitted is not None:
        told["prior"] = fitted.to_json()
    return told


def _pages(found: "Curves | None", answered: "tuple[Replayed, ...]", fitted: "Fitted | None") -> list[str]:
    from evals.pages import runs_table
    from evals.replays import pages

    told = [runs_table([one.run for one in answered])] if answered else []
    if found is not None:
        told.append(pages.curves_page(found))
    if fitted is not None:
        told.append(pages.fitted_page(fitted))
    return told
