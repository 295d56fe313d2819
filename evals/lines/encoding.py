"""From a record to a line of a run log."""

from typing import Any

from evals.lines.context import Context, Line
from evals.lines.texts import Texts
from evals.lines.usual import ROLES, USUAL_STOP, told_by_paths, usual_reason, usual_row, usual_rule, usual_score
from evals.record import Record
from reasoning.completion import Completion
from reasoning.draws import ROWS_PER_SEED
from reasoning.request import Request
from reasoning.usage import NO_USAGE, Usage
from sandbox.outcome import Outcome
from strategies.path import Path, total_cost
from strategies.result import Result
from strategies.tally import AnswerClass


def encode(record: Record, context: Context) -> Line:
    """The line of a record."""
    return _Writer(record, context).line()


class _Writer:
    def __init__(self, record: Record, context: Context) -> None:
        self.record, self.context, self.shared = record, context, context.shared
        self.row_from = (context.seed + record.repeat) * ROWS_PER_SEED
        self.texts = Texts(record.result.problem.question)
        self.requests: list[list[Any]] = []
        self.row_of: dict[int, int] = {}  # by identity: hashing a long chat for each path costs more than all the rest
        self.request_of: dict[Request, int] = {}
        self.served = next((_served(c) for p in record.result.paths for c in p.completions), None)

    def line(self) -> Line:
        record, result = self.record, self.record.result
        line: Line = {"id": record.id}
        if record.repeat:
            line["repeat"] = record.repeat
        line["score"] = _number(record.score)
        if record.gold is not None:
            line["gold"] = record.gold
        if record.group is not None:
            line["group"] = record.group
        if record.metadata:
            line["meta"] = dict(record.metadata)
        paths = [self._path(place, path) for place, path in enumerate(result.paths)]
        line |= {"t": self.texts.rows, "r": self.requests, "p": paths}
        if self.served is not None and any(self.served):
            line["by"] = self.shared.name(list(self.served))
        self._verdict(line, result)
        return line

    def _verdict(self, line: Line, result: Result) -> None:
        tally = result.tally
        if not told_by_paths(tally, result.paths):
            line["votes"] = {c.key: self._votes(c, result.paths) for c in tally.classes}
            if tally.tied:
                line["tied"] = len(tally.tied)
            if tally.abstained != sum(path.key is None for path in result.paths):
                line["abstained"] = tally.abstained
        if result.key != (tally.leader.key if tally.leader else None):
            line["key"] = result.key
            if result.key is not None and all(c.key != result.key for c in tally.classes):
                line["answer"] = self.context.kind.text(result.answer)
        if result.stopped != USUAL_STOP:
            line["stopped"] = result.stopped
        if result.usage != sum((path.usage for path in result.paths), NO_USAGE):
            line["usage"] = result.usage.model_dump(exclude_defaults=True)
        if result.cost != (total_cost(path.cost for path in result.paths) if result.paths else None):
            line["cost"] = result.cost
        if result.degradations:
            line["notes"] = [self.shared.name(note) for note in result.degradations]
        if not result.order_safe:
            line["unsafe"] = 1
        if result.error is not None:
            line["error"] = result.error
        if result.seconds:
            line["ms"] = _thousandths(result.seconds)

    def _votes(self, found: AnswerClass, paths: tuple[Path, ...]) -> Any:
        if all(path.key != found.key for path in paths):
            return [found.votes, found.weight, self.context.kind.text(found.answer)]
        return found.votes if found.weight == found.votes else [found.votes, found.weight]

    def _path(self, place: int, path: Path) -> Line:
        line: Line = {}
        if path.index != place:
            line["i"] = path.index
        if path.status != "ok":
            line["st"] = path.status
        draws = self._draws(path, path.completions)
        if path.answer is not None:
            line["a"] = self.context.kind.text(path.answer)
        if path.key != line.get("a"):
            line["k"] = path.key
        if path.span is not None:
            line["at"] = list(path.span)
        if path.rule != usual_rule(path):
            line["rule"] = path.rule
        if path.reason != usual_reason(path.status, path.completions, path.outcome):
            line["why"] = path.reason
        line["d"] = draws
        if path.program is not None:
            line["pr"] = self._program(path)
        if path.outcome is not None:
            line["o"] = self._outcome(path.outcome)
        if path.signals:
            line["sig"] = path.signals
        if path.asides:
            line["aside"] = self._draws(path, path.asides)
        if path.member is not None:
            line["member"] = path.member
        worth = self.record.path_scores[place]
        if worth != usual_score(path.key, self.record):
            line["score"] = _number(worth)
        return line

    def _draws(self, path: Path, completions: tuple[Completion, ...]) -> list[Any]:
        draws = []
        before: tuple[str, ...] = ()
        for completion in completions:
            draws.append(self._draw(path, completion, before))
            asked = completion.request.prompt if completion.request is not None else None
            before = (asked, completion.text) if asked is not None else ()
        return draws

    def _draw(self, path: Path, c: Completion, before: tuple[str, ...]) -> list[Any]:
        request = self._request(c.request, before)
        tokens = (c.usage.prompt_tokens, c.usage.completion_tokens)
        draw: list[Any] = [self.texts.add(c.text), request, *tokens, _thousandths(c.latency_s)]
        rest = self._rest(path, c)
        if rest:
            draw += (c.seed, rest)
        elif c.seed is not None:
            draw.append(c.seed)
        return draw

    def _rest(self, path: Path, c: Completion) -> Line:
        rest: Line = {}
        if c.index != usual_row(self.row_from, path.index, c.request):
            rest["row"] = c.index
        if c.finish != ("stop" if c.failure is None else "failed"):
            rest["end"] = c.finish
        if c.reasoning is not None:
            rest["think"] = self.texts.add(c.reasoning)
        if c.rendered is not None:
            rest["saw"] = self.texts.add(c.rendered, _shown(c.request))
        rest |= _usage_rest(c.usage)
        if c.cost is not None:
            rest["cost"] = c.cost
        if c.billed is not None:
            rest["billed"] = c.billed.model_dump(exclude_defaults=True)
        if c.failure is not None:
            rest["failed"] = c.failure.model_dump(mode="json", exclude_defaults=True)
        if _served(c) != self.served:
            rest["by"] = self.shared.name(list(_served(c)))
        if c.degradations:
            rest["notes"] = [self.shared.name(note) for note in c.degradations]
        return rest

    def _request(self, request: Request | None, before: tuple[str, ...]) -> int | None:
        if request is None:
            return None
        row = self.row_of.get(id(request))
        if row is None:
            row = self.row_of[id(request)] = self._new_request(request, before)
        return row

    def _new_request(self, request: Request, before: tuple[str, ...]) -> int:
        if request in self.request_of:
            return self.request_of[request]
        question = self.record.result.problem.question
        if request.prompt is not None:
            asked: Any = self.texts.add(request.prompt, (*before, question))
        else:
            asked = []
            for message in request.messages:
                asked += (ROLES[message.role], self.texts.add(message.content, (question,)))
        row = self.request_of[request] = len(self.requests)
        self.requests.append([asked, self.context.sampling_name(request.sampling)])
        return row

    def _program(self, path: Path) -> Any:
        program = path.program or ""
        at = path.text.find(program)
        return [at, at + len(program)] if at >= 0 else self.texts.add(program)

    def _outcome(self, outcome: Outcome) -> list[Any]:
        told = outcome.model_dump(mode="json", exclude={"isolation"})
        rest: Line = {} if outcome.ok else {"st": told["status"]}
        for key, field in (("out", "stdout"), ("err", "stderr"), ("error", "error"), ("hint", "hint")):
            if told.get(field):
                rest[key] = self.texts.add(told[field])
        if outcome.truncated:
            rest["cut"] = 1
        if outcome.value is not None:
            rest["v"] = told["value"]
        held = self.shared.name(outcome.isolation.model_dump(mode="json"))
        times = [_thousandths(outcome.wall_s), _thousandths(outcome.cpu_s), outcome.max_rss_bytes >> 10]
        return [*times, held, rest] if rest else [*times, held]


def _served(completion: Completion) -> tuple[str | None, str | None]:
    return completion.model, completion.fingerprint


def _shown(request: Request | None) -> tuple[str, ...]:
    if request is None:
        return ()
    return (request.prompt,) if request.prompt is not None else tuple(m.content for m in request.messages)


def _usage_rest(usage: Usage) -> Line:
    told = {"reasoned": usage.reasoning_tokens, "cached": usage.cached_tokens, "estimated": int(usage.estimated)}
    return {key: count for key, count in told.items() if count}


def _number(value: float) -> float | int:
    """A number without a needless `.0`."""
    return int(value) if value == int(value) else value


def _thousandths(seconds: float) -> float | int:
    return _number(round(seconds * 1000, 2))
