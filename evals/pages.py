"""Runs as tables and pages of text. Pure functions."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from evals import rendering
from evals.comparisons.side_by_side import Beside
from evals.header import StoreNote
from evals.record import Record
from evals.run import Run
from reasoning.backends.facts import ModelFacts
from reasoning.request import Request
from reasoning.shown import shown
from strategies.result import Result

T = TypeVar("T")

HEAD = (
    "task",
    "strategy",
    "backend",
    "items",
    "accuracy % [95 %]",
    "bounds",
    "tokens",
    "seconds",
    "cost",
    "lost paths",
)
_RIGHT = (3, 6, 7, 8)


def runs_table(runs: Sequence[Run]) -> str:
    """One row a run: accuracy with interval, bounds where problems were lost, tokens, time, cost, losses by cause."""
    return rendering.table(HEAD, [_row(run) for run in runs], _RIGHT)


def _row(run: Run) -> list[str]:
    low, high = run.bounds
    repeats = f" × {run.header.repeats}" if run.header.repeats > 1 else ""
    name = f" ({run.header.name})" if run.header.name else ""
    return [
        run.task,
        run.strategy + name,
        run.backend,
        f"{run.items}{repeats}",
        rendering.accuracy(run.accuracy, run.interval),
        f"{rendering.percent(low)}–{rendering.percent(high)}" if run.failures else rendering.NONE,
        rendering.count(run.usage.total_tokens),
        f"{run.seconds:.1f}",
        rendering.money(run.cost),
        rendering.causes(run.lost),
    ]


def backends_tables(group: Sequence[Beside]) -> str:
    """Backends side by side on one task and strategy: how they did, and what is known of their models."""
    head = ("backend", "accuracy % [95 %]", "agrees %", "tokens/s", "p50", "p95", "tokens", "cost")
    known = ("model", "parameters", "active", "context", "precision", "peak memory", "weights")
    return "\n\n".join(
        [
            f"{group[0].run.task} · {group[0].run.strategy} (agrees: with {group[0].label})",
            rendering.table(head, [_did(one) for one in group], range(2, len(head))),
            rendering.table(known, [_known(one.label, one.facts) for one in group], (1, 2, 3, 5)),
        ]
    )


def _did(one: Beside) -> list[str]:
    run, side = one.run, one.side
    return [
        one.label,
        rendering.accuracy(run.accuracy, run.interval),
        rendering.NONE if one.agreement is None else rendering.percent(one.agreement),
        _or_none(side.tokens_per_second if side else None, _rate),
        _or_none(side.latency_p50 if side else None, rendering.duration),
        _or_none(side.latency_p95 if side else None, rendering.duration),
        rendering.count(run.usage.total_tokens),
        rendering.money(run.cost),
    ]


def _known(label: str, facts: ModelFacts) -> list[str]:
    weights = [_or_none(count, rendering.count) for count in (facts.parameters, facts.active_parameters)]
    context = _or_none(facts.context_tokens, str)
    return [
        label,
        *weights,
        context,
        facts.precision or rendering.NONE,
        rendering.size(facts.peak_memory_bytes),
        facts.weights,
    ]


def _rate(number: float) -> str:
    return f"{number:.1f}" if number < 100 else rendering.count(number)


def _or_none(value: T | None, text: Callable[[T], str]) -> str:
    return rendering.NONE if value is None else text(value)


def run_page(run: Run) -> str:
    """A run with all its counts."""
    header = run.header
    told = [
        ("status", run.status + (f": {header.stopped_by}" if header.stopped_by else "")),
        (
            "items",
            f"{run.items}" + (f", {header.repeats} repeats" if header.repeats > 1 else "") + f"; {run.done} done",
        ),
        ("accuracy", f"{rendering.accuracy(run.accuracy, run.interval)} %"),
        ("bounds", f"{rendering.percent(run.bounds[0])} to {rendering.percent(run.bounds[1])} % ({run.failures} lost)"),
        ("no answer", f"{run.unanswered} problems"),
        ("lost paths", f"{rendering.causes(run.lost)} (of {sum(run.paths.values())})"),
        ("ties", f"{run.ties}; paths that abstained: {run.abstentions}"),
        ("tokens", f"{run.usage.prompt_tokens} prompt, {run.usage.completion_tokens} completion"),
        ("cost", f"{rendering.money(run.cost)} bought cold; paid {_paid(run)}"),
        ("store", store_note(run.store)),
        ("seconds", f"{run.seconds:.1f}"),
        ("seed", str(header.seed)),
        ("tags", ", ".join(f"{key}={value}" for key, value in header.tags.items()) or rendering.NONE),
    ]
    repeats = run.repeats
    if repeats is not None:
        spread = f"σ within items {repeats.within**0.5:.3f}, between {repeats.between**0.5:.3f}"
        told.append(("repeats", f"{spread}; one repeat to the next ±{rendering.percent(repeats.run_to_run)} points"))
    told += [("notice", notice) for notice in header.backend.notices]
    told += [("grew", f"{g.field} from {g.before} to {g.after} after {g.items} problems") for g in header.grown]
    width = max(len(label) for label, _ in told)
    return "\n".join([run.name, *(f"  {label.ljust(width)}  {value}" for label, value in told)])


def store_note(store: StoreNote | None) -> str:
    """How many of a run's draws came from the store, and when they were bought."""
    if store is None:
        return "none: draws are not kept"
    if not store.draws or store.oldest is None or store.newest is None:
        return "no draw came from it"
    days = sorted({store.oldest[:10], store.newest[:10]})
    return f"{store.draws} {'draws' if store.draws > 1 else 'draw'} came from it, bought {' to '.join(days)}"


def slices_table(run: Run, column: str) -> str:
    """The accuracy for each value of a metadata column."""
    rows = [
        [str(value), str(found.items), rendering.accuracy(found.accuracy, found.interval), str(found.lost)]
        for value, found in run.by(column).items()
    ]
    return rendering.table((column, "items", "accuracy % [95 %]", "lost"), rows, (1, 3))


def items_table(run: Run) -> str:
    """One row a problem: id, score, answer, gold, votes."""
    rows = []
    for record in run.records:
        result = record.result
        leader = result.tally.leader
        votes = f"{leader.votes}/{len(result.paths)}" if leader else f"0/{len(result.paths)}"
        rows.append(
            [
                record.id + (f" ({record.repeat})" if record.repeat else ""),
                f"{record.score:g}",
                rendering.shortened(record.answer or rendering.NONE, 30),
                rendering.shortened(record.gold or rendering.NONE, 30),
                votes,
                rendering.shortened(result.problem.question, 50),
            ]
        )
    return rendering.table(("id", "score", "answer", "gold", "votes", "question"), rows, (1,))


def record_page(record: Record) -> str:
    """A problem with every prompt, text and program, as the model saw and wrote them."""
    result = record.result
    right = record.gold or "by verifier"
    pages = [
        f"{record.id}: {record.answer or rendering.NONE} (gold {right}, score {record.score:g}, {result.stopped})",
        f"\n{result.problem.question}",
    ]
    if result.error:
        pages.append(f"\nerror: {result.error}")
    printed: set[str] = set()
    for path, worth in zip(result.paths, record.path_scores, strict=True):
        why = f" ({path.reason})" if path.reason else ""
        got = "" if path.answer is None else f" {result.problem.kind.text(path.answer)}, score {worth:g}"
        pages.append(f"\n── path {path.index}: {path.status}{why}{got}")
        for completion in path.completions:
            prompt = _prompt(completion.request)
            if prompt not in printed:
                pages.append(f"┄┄ prompt\n{prompt}\n┄┄ text")
            printed.add(prompt)
            if completion.reasoning:
                pages.append(f"(reasoning) {completion.reasoning}")
            pages.append(completion.text)
        if path.outcome is not None:
            pages.append(f"┄┄ program: {path.outcome.status}, value {shown(path.outcome.value)}")
            pages += [text for text in (path.outcome.stdout, path.outcome.error) if text]
    return "\n".join(pages)


def item_json(record: Record) -> dict[str, Any]:
    """A problem in a few figures."""
    result = record.result
    return {
        "id": record.id,
        "repeat": record.repeat,
        "score": record.score,
        "answer": record.answer,
        "gold": record.gold,
        "stopped": result.stopped,
        "statuses": [path.status for path in result.paths],
        "error": result.error,
    }


def record_json(record: Record) -> dict[str, Any]:
    """A problem with all that is known of it."""
    more = {"group": record.group, "metadata": dict(record.metadata), "path_scores": list(record.path_scores)}
    return {**item_json(record), **more, "result": record.result.model_dump(mode="json")}


def slices_json(run: Run, column: str) -> list[dict[str, Any]]:
    """The accuracy for each value of a metadata column."""
    return [
        {
            "value": value,
            "items": found.items,
            "accuracy": found.accuracy,
            "interval": [found.interval.low, found.interval.high],
            "lost": found.lost,
        }
        for value, found in run.by(column).items()
    ]


def result_note(result: Result) -> str:
    """How an answer came about, in one line."""
    tokens = f"{result.usage.prompt_tokens} + {result.usage.completion_tokens} tokens"
    cost = f", {rendering.money(result.cost)}" if result.cost is not None else ""
    lines = [f"{result} · {result.stopped}, {tokens}{cost}, {rendering.duration(result.seconds)}"]
    return "\n".join([*lines, *(f"note: {note}" for note in result.degradations)])


def _prompt(request: Request | None) -> str:
    if request is None:
        return ""
    return (
        request.prompt if request.prompt is not None else "\n".join(f"[{m.role}] {m.content}" for m in request.messages)
    )


def _paid(run: Run) -> str:
    if run.paid is None:
        return rendering.NONE
    return f"{rendering.money(run.paid.usd)}, {run.paid.usage.total_tokens} tokens, {run.paid.calls} calls"
