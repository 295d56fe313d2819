"""From a line of a run log to a record."""

from collections.abc import Mapping
from typing import Any

from evals.lines.context import Context, Line
from evals.lines.texts import Row, read_texts
from evals.lines.usual import ROLE_OF, USUAL_STOP, usual_reason, usual_row, usual_rule, usual_score
from evals.record import Record
from reasoning.answer import Answer
from reasoning.completion import Completion, Failure
from reasoning.draws import ROWS_PER_SEED
from reasoning.message import Message
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.usage import NO_USAGE, Usage
from sandbox.outcome import Isolation, Outcome
from strategies.path import Path, total_cost
from strategies.result import Result
from strategies.tally import AnswerClass, Tally


def decode(line: Line, context: Context) -> Record:
    """The record of a line.

    Raises:
        KeyError, ValueError, IndexError, TypeError: It is no such line.
    """
    return _Reader(line, context).record()


class _Reader:
    def __init__(self, line: Line, context: Context) -> None:
        self.line, self.context, self.shared = line, context, context.shared
        self.row_from = (context.seed + line.get("repeat", 0)) * ROWS_PER_SEED
        rows: list[Row] = line["t"]
        self.texts = read_texts(rows)
        self.requests = [self._request(asked, sampling) for asked, sampling in line["r"]]
        self.served: list[Any] = self.shared.value(line["by"]) if "by" in line else [None, None]

    def record(self) -> Record:
        line = self.line
        result = self._result()
        record = Record(
            result=result,
            score=float(line["score"]),
            path_scores=(),
            repeat=line.get("repeat", 0),
            gold=line.get("gold"),
            group=line.get("group"),
            metadata=line.get("meta", {}),
        )
        scores = tuple(
            float(told["score"]) if "score" in told else usual_score(path.key, record)
            for told, path in zip(line["p"], result.paths, strict=True)
        )
        object.__setattr__(record, "path_scores", scores)
        return record

    def _result(self) -> Result:
        line = self.line
        paths = tuple(self._path(place, told) for place, told in enumerate(line["p"]))
        tally = self._tally(paths)
        leader = tally.leader
        key = line.get("key", leader.key if leader else None)
        answers = {c.key: c.answer for c in tally.classes}
        usage = _usage(line["usage"]) if "usage" in line else sum((path.usage for path in paths), NO_USAGE)
        cost = line["cost"] if "cost" in line else total_cost(path.cost for path in paths) if paths else None
        return Result.model_construct(
            problem=Problem.model_construct(id=line["id"], question=self.texts[0], kind=self.context.kind),
            answer=self._answer(line["answer"]) if "answer" in line else None if key is None else answers[key],
            key=key,
            paths=paths,
            tally=tally,
            stopped=line.get("stopped", USUAL_STOP),
            usage=usage,
            cost=cost,
            degradations=tuple(self.shared.value(name) for name in line.get("notes", ())),
            order_safe="unsafe" not in line,
            seconds=line.get("ms", 0) / 1000,
            error=line.get("error"),
        )

    def _tally(self, paths: tuple[Path, ...]) -> Tally:
        answers: dict[str, Any] = {}
        for path in paths:
            if path.key is not None:
                answers.setdefault(path.key, path.answer)
        abstained = self.line.get("abstained", sum(path.key is None for path in paths))
        votes: Mapping[str, Any] = self.line.get("votes", dict.fromkeys(answers, len(paths) - abstained))
        classes = []
        for key, told in votes.items():
            count, weight, *answer = told if isinstance(told, list) else (told, told)
            read = self._answer(answer[0]) if answer else answers[key]
            classes.append(AnswerClass.model_construct(key=key, answer=read, votes=count, weight=float(weight)))
        tied = tuple(c.key for c in classes[: self.line.get("tied", 0)])
        return Tally.model_construct(classes=tuple(classes), abstained=abstained, tied=tied)

    def _answer(self, text: str) -> Answer:
        answer = self.context.kind.parse(text)
        if answer is None:
            raise ValueError(f"{text!r} is no answer of its kind")
        return answer

    def _path(self, place: int, told: Line) -> Path:
        index = told.get("i", place)
        completions = tuple(self._draw(index, draw) for draw in told["d"])
        outcome = self._outcome(told["o"]) if "o" in told else None
        status = told.get("st", "ok")
        answer = self._answer(told["a"]) if "a" in told else None
        path = Path.model_construct(
            index=index,
            status=status,
            answer=answer,
            key=told.get("k", told.get("a")),
            span=tuple(told["at"]) if "at" in told else None,
            completions=completions,
            program=self._program(told["pr"], completions) if "pr" in told else None,
            outcome=outcome,
            signals=told.get("sig", {}),
            asides=tuple(self._draw(index, draw) for draw in told.get("aside", ())),
            member=told.get("member"),
        )
        reason = told["why"] if "why" in told else usual_reason(status, completions, outcome)
        rule = told["rule"] if "rule" in told else usual_rule(path)
        return path.model_copy(update={"reason": reason, "rule": rule}) if reason or rule else path

    def _program(self, told: Any, completions: tuple[Completion, ...]) -> str:
        return self.texts[told] if isinstance(told, int) else completions[-1].text[told[0] : told[1]]

    def _draw(self, path_index: int, told: list[Any]) -> Completion:
        text, asked, prompt_tokens, completion_tokens, ms, *more = told
        seed = more[0] if more else None
        rest: Line = more[1] if len(more) > 1 else {}
        request = None if asked is None else self.requests[asked]
        failure = Failure.model_validate(rest["failed"]) if "failed" in rest else None
        model, fingerprint = self.shared.value(rest["by"]) if "by" in rest else self.served
        return Completion.model_construct(
            index=rest["row"] if "row" in rest else usual_row(self.row_from, path_index, request),
            text=self.texts[text],
            reasoning=self.texts[rest["think"]] if "think" in rest else None,
            finish=rest.get("end", "stop" if failure is None else "failed"),
            usage=Usage.model_construct(
                prompt_tokens=prompt_tokens,
                completion_tokens=completion_tokens,
                reasoning_tokens=rest.get("reasoned", 0),
                cached_tokens=rest.get("cached", 0),
                estimated="estimated" in rest,
            ),
            billed=_usage(rest["billed"]) if "billed" in rest else None,
            cost=rest.get("cost"),
            latency_s=ms / 1000,
            failure=failure,
            model=model,
            fingerprint=fingerprint,
            seed=seed,
            rendered=self.texts[rest["saw"]] if "saw" in rest else None,
            degradations=tuple(self.shared.value(name) for name in rest.get("notes", ())),
            request=request,
        )

    def _request(self, asked: Any, sampling: Any) -> Request:
        settings = self.context.sampling(sampling)
        if isinstance(asked, int):
            return Request.model_construct(prompt=self.texts[asked], sampling=settings)
        turns = zip(asked[::2], asked[1::2], strict=True)
        messages = (Message.model_construct(role=ROLE_OF[role], content=self.texts[row]) for role, row in turns)
        return Request.model_construct(messages=tuple(messages), sampling=settings)

    def _outcome(self, told: list[Any]) -> Outcome:
        wall, cpu, kibibytes, held, *more = told
        rest: Line = more[0] if more else {}
        text = {key: self.texts[rest[key]] for key in ("out", "err", "error", "hint") if key in rest}
        return Outcome.model_validate(
            {
                "status": rest.get("st", "ok"),
                **({"value": rest["v"], "encoding": "tagged"} if "v" in rest else {}),
                "stdout": text.get("out", ""),
                "stderr": text.get("err", ""),
                "error": text.get("error"),
                "hint": text.get("hint"),
                "truncated": "cut" in rest,
                "wall_s": wall / 1000,
                "cpu_s": cpu / 1000,
                "max_rss_bytes": kibibytes << 10,
                "isolation": Isolation.model_validate(self.shared.value(held)),
            }
        )


def _usage(told: Mapping[str, Any]) -> Usage:
    return Usage.model_validate(told)
