"""`run.json`: everything needed to do a run again, and how far it is."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from reasoning.answer import AnswerKind
from reasoning.backends.facts import ModelFacts
from reasoning.budget import Paid
from reasoning.errors import ConfigError, DataError

SCHEMA_VERSION = 1

RunStatus = Literal["running", "complete", "interrupted", "stopped", "spend limit"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskNote(_Part):
    """The task of a run.

    Attributes:
        name: As in `load_task(name)`.
        fingerprint: Of all its items.
        kind: How its answers are read and compared.
        source: What the items were read from, in words.
        where: The condition on metadata, if any.
        order: The order that a limit cuts.
        available: Items that meet the condition.
        data: The local copy that was read, if any.
        options: The task's options.
    """

    name: str
    fingerprint: str
    kind: AnswerKind
    source: str = ""
    where: str | None = None
    order: Literal["seeded", "source"] = "seeded"
    available: int
    data: str | None = None
    options: Mapping[str, Any] = {}


class StoreNote(_Part):
    """The store of draws behind a backend of a run.

    Attributes:
        path: Its file.
        draws: Draws of the run that were in it before the run began; the others were bought.
        oldest: When the oldest of them was stored, ISO 8601, UTC; None for none.
        newest: When the newest of them was.
    """

    path: str
    draws: int = 0
    oldest: str | None = None
    newest: str | None = None


class BackendNote(_Part):
    """A backend of a run: no keys, no credentials.

    Attributes:
        spec: How it was opened.
        identity: What makes it another model.
        options: What it was opened with.
        facts: What is known of its model; the peak of memory is that of the last session.
        thinks: Whether the model thinks, as was known when it was opened; requests depend on it.
        notices: Likely faults of the server that were noticed, over all sessions.
        store: The store behind it, and what came from it over all sessions; None where no store stood behind it.
    """

    spec: str
    identity: Mapping[str, Any]
    options: Mapping[str, Any] = {}
    facts: ModelFacts | None = None
    thinks: bool | None = None
    notices: tuple[str, ...] = ()
    store: StoreNote | None = None


class Growth(_Part):
    """A run that was gone on with further than first planned.

    Attributes:
        when: ISO 8601, UTC.
        field: `limit`, `repeats`, or a field of the strategy such as `samples`.
        before: Its value until then; None is "all".
        after: Its value from then on.
        items: Problems (of all repeats) that were done by then.
    """

    when: str
    field: str
    before: int | None
    after: int | None
    items: int


class RunHeader(_Part):
    """What `run.json` holds.

    Attributes:
        schema_version: Of the folder's two files.
        name: The person's name for the run.
        task: What was asked.
        strategy: The strategy's whole configuration: `{name: {field: value}}`.
        backend: Who was asked.
        backends: Further backends, by role.
        limit: Items wanted; None for all.
        repeats: How often each item is solved; repeat r draws with seed + r.
        seed: The run's seed.
        tags: A person's own.
        status: Where the run stands. "running" in a folder that no process holds: it was killed.
        stopped_by: What stopped it, in the server's words.
        grown: How the run was extended, oldest first.
        valid_from: Where in `results.jsonl` the lines of the present samples start, in bytes.
        started: ISO 8601, UTC.
        seconds: Spent on it, over all sessions.
        paid: What was really spent on it, over all sessions; None where no backend tells.
        host: Where it ran last: name, platform, processors, Python.
        packages: Versions, ours and those that decide what a model says.
        sandbox: The level at which programs are contained, where the strategy runs any.
        shared: What lines of the log name; see `evals.lines.Shared`.
        notes: How it asks, where that was chosen for the model at hand: which exemplars it shows, and why.
    """

    schema_version: int = SCHEMA_VERSION
    name: str | None = None
    task: TaskNote
    strategy: Mapping[str, Any]
    backend: BackendNote
    backends: Mapping[str, BackendNote] = {}
    limit: int | None = None
    repeats: int = 1
    seed: int = 0
    tags: Mapping[str, str] = {}
    status: RunStatus = "running"
    stopped_by: str | None = None
    grown: tuple[Growth, ...] = ()
    valid_from: int = 0
    started: str
    seconds: float = 0.0
    paid: Paid | None = None
    host: Mapping[str, Any] = {}
    packages: Mapping[str, str] = {}
    sandbox: str | None = None
    shared: Mapping[str, Any] = {}
    notes: tuple[str, ...] = ()

    @property
    def items(self) -> int:
        """Items of one repeat that the run is to answer."""
        return self.task.available if self.limit is None else min(self.limit, self.task.available)

    @property
    def planned(self) -> int:
        """Problems that the run is to answer, over all repeats."""
        return self.items * self.repeats

    @property
    def strategy_name(self) -> str:
        """The strategy's name."""
        return next(iter(self.strategy))


def growth(old: RunHeader, new: RunHeader, place: str) -> dict[str, tuple[int | None, int | None]]:
    """What grew from one header of a folder to the next: each field with its values before and after.

    Args:
        old: What the folder holds.
        new: What is wanted now.
        place: The folder, for messages.

    Raises:
        ConfigError: Anything else differs; the message names the field and both values.
    """
    grown: dict[str, tuple[int | None, int | None]] = {}
    for field, before, after in _differences(_settings(old), _settings(new)):
        counts = field in ("limit", "repeats") or field.endswith(".samples")
        if counts and _larger(before, after):
            grown[field] = (before, after)
            continue
        rule = " can grow but not shrink" if counts else " differs"
        raise ConfigError(
            f"{place} holds another run: {field}{rule}, it was {_shown(before)} and is now {_shown(after)}. "
            "Give this run a name of its own (--name), or another --out."
        )
    return grown


def _settings(header: RunHeader) -> dict[str, Any]:
    """What must not change within a folder."""
    told = header.model_dump(mode="json")
    task = {key: told["task"][key] for key in ("name", "where", "order", "options", "kind", "fingerprint")}
    return {
        "task": task,
        "strategy": told["strategy"],
        "backend": {key: told["backend"][key] for key in ("spec", "identity")},
        "backends": {role: {key: note[key] for key in ("spec", "identity")} for role, note in told["backends"].items()},
        "seed": told["seed"],
        "limit": told["limit"],
        "repeats": told["repeats"],
    }


def _differences(old: Any, new: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(old.get(key), new.get(key), f"{place}.{key}".lstrip("."))
    elif old != new:
        yield place, old, new


def _larger(before: Any, after: Any) -> bool:
    """Whether a count grew; None is all there are."""
    return before is not None and (after is None or after > before)


def _shown(value: Any) -> str:
    return "unset" if value is None else repr(value)


def read_header(text: str | bytes, place: str) -> RunHeader:
    """The header in the text of a `run.json`, or in its bytes.

    Raises:
        DataError: It is none, or one of a newer version.
    """
    try:
        told = json.loads(text)
        version = told["schema_version"]
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise DataError(
                f"{place} has schema version {version}, newer than this program's {SCHEMA_VERSION}; "
                "upgrade reasoning-strategies."
            )
        return RunHeader.model_validate(told)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{place} is no run.json: {' '.join(str(error).split())[:200]}.") from error
