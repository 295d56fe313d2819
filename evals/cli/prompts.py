"""`reasoning doctor --prompts`: the lint over exemplar sets, and how what it finds is shown."""

from collections.abc import Sequence

import typer

from evals.cli import options


def look_over(sets: Sequence[str], tasks: Sequence[str], data: str | None, *, json: bool) -> None:
    """Lints exemplar sets and says what it finds; ends with exit code 1 where there is a fault.

    Args:
        sets: Names of sets, or paths of a person's own; all that are known where none is given.
        tasks: The tasks whose items no exemplar may give away.
        data: A local copy of the one task's data.
        json: Whether to print one JSON document.
    """
    from evals.loading import load_task
    from evals.prompt_lint import overlap_faults, program_faults
    from reasoning.errors import ConfigError
    from strategies.exemplars import exemplar_set, set_names

    if data is not None and len(tasks) != 1:
        raise ConfigError(f"--data is a copy of one task's data, and {len(tasks)} tasks are named.")
    names = list(sets) or set_names()
    counts = {name: len(exemplar_set(name).exemplars) for name in names}
    loaded = [load_task(task, data) for task in tasks]
    faults = [fault for name in names for fault in program_faults(name)]
    faults += [fault for task in loaded for fault in overlap_faults(names, task)]
    if json:
        options.print_json(
            {
                "sets": [{"set": name, "exemplars": count} for name, count in counts.items()],
                "tasks": [{"task": task.name, "items": len(task)} for task in loaded],
                "faults": [fault.model_dump(mode="json") for fault in faults],
            }
        )
    else:
        for name, count in counts.items():
            bad = {fault.exemplar for fault in faults if fault.set == name}
            print(f"{'NO ' if bad else 'ok '} {name}: {count - len(bad)} of {count} exemplars without a fault")
        for fault in faults:
            where = f" {fault.item} of {fault.task}" if fault.task else ""
            print(f"    {fault.set}, exemplar {fault.exemplar}: {fault.told}{where}")
        if not tasks:
            print("    overlap was not looked for: name the tasks, such as gsm8k")
    if faults:
        raise typer.Exit(1)
