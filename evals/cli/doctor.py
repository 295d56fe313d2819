"""`reasoning doctor`."""

import importlib
import os
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from evals.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class Finding(NamedTuple):
    """What was looked at, whether it works, and the evidence or the remedy."""

    what: str
    works: bool
    told: str


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
    if prompts:
        from evals.cli.prompts import look_over

        return look_over(shots or [], tasks or [], data, json=json)
    if parity:
        from evals.cli.parity import examine
        from evals.overrides import pairs

        return examine(tasks or [], questions, pairs(option, "-B"), as_json=json)
    if tasks or shots or data or questions or option:
        from reasoning.errors import UsageError

        raise UsageError("Tasks, --shots and --data go with --prompts; backends, --questions and -B with --parity.")
    findings = [finding for look in (_packages, _model, _keys, _store, _sandbox) for finding in look()]
    if json:
        options.print_json({"findings": [finding._asdict() for finding in findings]})
        return
    for finding in findings:
        print(f"{'ok ' if finding.works else 'NO '} {finding.what}: {finding.told}")


def _packages() -> list[Finding]:
    """Whether the four packages are ours: the index has strangers of the same names."""
    ours = Path(__file__).resolve().parents[2]
    findings = []
    for name in ("reasoning", "strategies", "evals", "sandbox"):
        place = Path(importlib.import_module(name).__file__ or "").resolve()
        works = place.is_relative_to(ours)
        stranger = f"{place} is another project's package: uninstall the distribution that brought it"
        findings.append(Finding(f"package {name}", works, str(place.parent) if works else stranger))
    return findings


def _model() -> list[Finding]:
    from importlib.util import find_spec

    from reasoning.backends.embedded import INSTALL, embedded_model
    from reasoning.errors import MissingPackageError

    try:
        weights = str(embedded_model())
    except MissingPackageError as error:
        return [Finding("embedded model", False, str(error))]
    engine = find_spec("xllamacpp") is not None
    told = weights if engine else f"its engine xllamacpp is not installed. Install both with: {INSTALL}"
    return [Finding("embedded model", engine, told)]


def _keys() -> list[Finding]:
    key = bool(os.environ.get("OPENAI_API_KEY"))
    told = "OPENAI_API_KEY is set" if key else "OPENAI_API_KEY is not set; openai/… needs it"
    return [Finding("OpenAI key", key, told)]


def _store() -> list[Finding]:
    from reasoning.errors import StoreError
    from reasoning.store.place import default_path, network_type

    place = default_path()
    try:
        folder = next(parent for parent in place.parents if parent.exists())
        network = network_type(folder)
    except (StoreError, OSError) as error:
        return [Finding("store of draws", False, str(error))]
    if network:
        return [Finding("store of draws", False, f"{place} is on a network file system ({network}); use --store FILE")]
    works = os.access(folder, os.W_OK)
    return [Finding("store of draws", works, str(place) if works else f"{folder} cannot be written; use --store FILE")]


def _sandbox() -> list[Finding]:
    from sandbox import doctor as examine

    found = examine()
    layers = [
        Finding(f"sandbox layer {layer.name}", layer.active, f"{layer.evidence} {layer.remedy or ''}".strip())
        for layer in found.layers
    ]
    levels = [
        Finding(f"sandbox level {name}", problem is None, problem or "available")
        for name, problem in found.levels.items()
    ]
    return [*layers, *levels]
