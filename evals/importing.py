"""Makes a run of texts that were bought elsewhere, so that it scores, replays and compares like any other."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evals.item import Item
from evals.job import Job
from evals.loading import load_task
from evals.record import Record
from evals.run import Run
from evals.runlog import RunLog
from evals.task import Order, Task
from reasoning import loop
from reasoning.backends.backend import Capabilities
from reasoning.budget import Paid
from reasoning.completion import Completion, Finish
from reasoning.errors import ConfigError, DataError, UnknownNameError
from reasoning.request import Request
from reasoning.usage import Usage
from strategies.strategy import Strategy
from strategies.waves import VotingStrategy

NOTE = "the text was bought elsewhere: the prompt shown is this strategy's, not the one it answers"
_FINISHES = tuple(finish for finish in get_args(Finish) if finish != "failed")


class Bought(BaseModel):
    """A line of a file of texts.

    Attributes:
        id: The problem's id.
        index: Which sample of it; by their order in the file when not given.
        text: The answer text.
        reasoning: The reasoning text of a reasoning model.
        finish: Why the text ended; "length" is a text without an answer.
        usage: Tokens; none known when not given.
        cost: US dollars.
        model: The model's name as it was reported.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    id: str
    index: int | None = Field(default=None, ge=0, lt=65536)
    text: str
    reasoning: str | None = None
    finish: Finish = "stop"
    usage: Usage = Usage(estimated=True)
    cost: float | None = None
    model: str | None = None


class BoughtBackend:
    """Serves the texts of one problem at a time, by draw index; draws nothing.

    Args:
        name: For the spec `imported/<name>`.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        chat=True, text=True, style="text", max_samples=64, thinks=False, reproducible="exact"
    )

    def __init__(self, name: str) -> None:
        self.spec = f"imported/{name}"
        self.identity: Mapping[str, Any] = {"engine": "imported", "model": name}
        self._id, self._texts, self._asked = "", dict[int, Bought](), dict[int, str]()

    def serve(self, id: str, texts: Mapping[int, Bought]) -> None:
        """Serves this problem's texts from now on."""
        self._id, self._texts, self._asked = id, dict(texts), {}

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`.

        Raises:
            ConfigError: There is no such text, or it was asked for by two different prompts.
        """
        return [self._completion(request, index) for index in indices]

    def _completion(self, request: Request, index: int) -> Completion:
        if index not in self._texts:
            raise ConfigError(f"Item {self._id!r} has no text of index {index}; add it, or ask for fewer samples.")
        if self._asked.setdefault(index, request.canonical) != request.canonical:
            raise ConfigError(
                "The strategy makes several calls a path, and there is one text for each; import with direct, "
                "chain-of-thought with exemplars (-S shots=word-problems), program-of-thought, or a vote over one."
            )
        told = self._texts[index]
        return Completion(
            index=index,
            text=told.text,
            reasoning=told.reasoning,
            finish=told.finish,
            usage=told.usage,
            cost=told.cost,
            model=told.model,
            degradations=(NOTE,),
            request=request,
        )

    async def aclose(self) -> None:
        """Holds nothing."""


def import_run(
    file: str | Path,
    task: Task | str,
    strategy: Strategy | str | Mapping[str, Any],
    *,
    model: str | None = None,
    data: str | Path | None = None,
    limit: int | None = None,
    where: str | None = None,
    order: Order = "seeded",
    out: str | Path = "runs/",
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Run:
    """Makes a run's folder of texts that were bought elsewhere.

    Args:
        file: JSON Lines of `{"id", "index", "text"}`, and optionally `usage`, `finish`, `reasoning`, `cost`, `model`.
        task: The task whose problems they answer, or its name.
        strategy: How they are read and voted on. Where a vote names no `samples`, it is over as many as every problem
            has.
        model: What the backend is called: `imported/<model>`; the file's name when None.
        data: A local copy of the task's data.
        limit: Only the first so many items, which then all need texts.
        where: A condition on metadata.
        order: The order that `limit` cuts.
        out: The parent of the run's folder.
        name: Part of the folder's name.
        tags: One's own, recorded.

    Raises:
        DataError: A line is not as expected (the message gives its number), or a text is missing.
        UnknownNameError: A line has an id that the task has not.
        ConfigError: The strategy makes more than one call a path, or the folder holds a run already.
    """
    place = Path(file)
    backend = BoughtBackend(model or place.stem)
    job = Job(
        task=task if isinstance(task, Task) else load_task(task, data=data),
        strategy=Strategy.of_config(strategy),
        backend=backend,
        limit=limit,
        where=where,
        order=order,
        out=Path(out),
        name=name,
        tags=tags or {},
        data=None if data is None else str(data),
    )
    job = job.settled()
    texts = read_texts(place, job.task)
    items = job.items()
    job = _fitted(job, items, texts, place)
    folder = job.folder
    assert folder is not None
    with RunLog.made(folder, job.header(items).model_copy(update={"paid": Paid()})) as log:
        loop.run(_solve(job, backend, items, texts, log))
        log.keep(status="complete")
    return Run(log)


async def _solve(
    job: Job, backend: BoughtBackend, items: Sequence[Item], texts: Mapping[str, Mapping[int, Bought]], log: RunLog
) -> None:
    for item in items:
        backend.serve(item.id, texts[item.id])
        result = await job.strategy.asolve(item.problem, backend)
        log.append(Record.of(item, result))


def read_texts(file: Path, task: Task) -> dict[str, dict[int, Bought]]:
    """The texts of a file by problem and index.

    Raises:
        DataError: A line is not as expected; the message gives its number.
        UnknownNameError: A line has an id that the task has not.
    """
    known = {item.id for item in task}
    texts: dict[str, dict[int, Bought]] = {}
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    _take(texts, _line(line, f"{file}, line {number}"), known, f"{file}, line {number}", task.name)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is no UTF-8 text: {error.reason} at byte {error.start}.") from error
    if not texts:
        raise DataError(f'{file} holds no texts; expected a line of {{"id", "index", "text"}} for each.')
    return texts


def _line(line: str, place: str) -> Bought:
    try:
        return Bought.model_validate(json.loads(line))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the line"
        raise DataError(f'{place}: {where}: {first["msg"]}; expected {{"id", "index", "text"}}.') from error
    except ValueError as error:
        raise DataError(f'{place}: this is no JSON ({error}); expected {{"id", "index", "text"}}.') from error


def _take(texts: dict[str, dict[int, Bought]], told: Bought, known: set[str], place: str, task: str) -> None:
    if told.id not in known:
        raise UnknownNameError(f"item of {task} at {place}:", told.id, known)
    if told.finish not in _FINISHES:
        raise DataError(f"{place}: a text that was bought did not fail; finish is one of {', '.join(_FINISHES)}.")
    own = texts.setdefault(told.id, {})
    index = len(own) if told.index is None else told.index
    if index in own:
        raise DataError(f"{place}: item {told.id!r} has a text of index {index} already.")
    own[index] = told


def _fitted(job: Job, items: Sequence[Item], texts: Mapping[str, Mapping[int, Bought]], file: Path) -> Job:
    """The job with as many samples as there are, every text that it needs being there."""
    strategy = job.strategy
    for item in items:
        if item.id not in texts:
            raise DataError(
                f"{file} has no text of item {item.id!r}; add it, or take part of the task with --limit or --where."
            )
        gap = next(index for index in range(len(texts[item.id]) + 1) if index not in texts[item.id])
        if gap < len(texts[item.id]):
            raise DataError(f"{file} has no text of index {gap} of item {item.id!r}, and has some of later ones.")
    fewest = min(len(texts[item.id]) for item in items)
    if isinstance(strategy, VotingStrategy):
        if "samples" not in strategy.model_fields_set:
            strategy = strategy.model_copy(update={"samples": fewest})
        elif strategy.stop is None and fewest < strategy.samples:
            short = next(item.id for item in items if len(texts[item.id]) == fewest)
            raise DataError(
                f"{file} has {fewest} texts of item {short!r} and the vote is over {strategy.samples}; add the others, "
                f"or ask for fewer (-S samples={fewest})."
            )
    return replace(job, strategy=strategy)
