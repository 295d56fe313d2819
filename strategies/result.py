"""What a strategy returns."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, field_serializer, model_validator

from reasoning.problem import Problem
from reasoning.shown import safe
from reasoning.usage import NO_USAGE, Usage
from strategies import views
from strategies.path import Path, total_cost
from strategies.tally import Tally

if TYPE_CHECKING:
    from rich.text import Text


class Result(BaseModel):
    """A problem's answer and how it came about. Survives a JSON round trip.

    Attributes:
        problem: What was asked.
        answer: The answer, of its kind's type, or None.
        key: The canonical key of the answer.
        paths: The paths that were decided on, in index order; surplus draws are not among them.
        tally: The classes of equal answers with their weights.
        stopped: Why no more paths were drawn.
        usage: What the decided paths cost bought cold: the same live, cached or replayed.
        cost: Money for `usage` in US dollars; None where a price is unknown.
        degradations: What a backend could not do as asked.
        order_safe: False where the clock decided (a deadline), so that another run may differ.
        seconds: From the first request to the answer.
        error: What broke, where an error of the strategy itself was put on the record instead of being raised.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    problem: Problem
    answer: Any = None
    key: str | None = None
    paths: tuple[Path, ...] = ()
    tally: Tally = Tally()
    stopped: str = ""
    usage: Usage = NO_USAGE
    cost: float | None = None
    degradations: tuple[str, ...] = ()
    order_safe: bool = True
    seconds: float = 0.0
    error: str | None = None

    @field_serializer("answer", when_used="json")
    def _plain(self, answer: Any) -> Any:
        return answer if answer is None or isinstance(answer, bool) else str(answer)

    @model_validator(mode="before")
    @classmethod
    def _typed_answers(cls, data: Any) -> Any:
        """Gives answers read from JSON the type of the problem's kind again."""
        if not isinstance(data, Mapping) or isinstance(data.get("problem"), Problem):
            return data
        kind = Problem.model_validate(data["problem"]).kind

        def typed(holder: Mapping[str, Any]) -> dict[str, Any]:
            answer = holder.get("answer")
            return {**holder, "answer": None if answer is None else kind.parse(answer)}

        tally = data.get("tally", {})
        return {
            **typed(data),
            "paths": [typed(path) for path in data.get("paths", ())],
            "tally": {**tally, "classes": [typed(found) for found in tally.get("classes", ())]},
        }

    @classmethod
    def decided(
        cls,
        problem: Problem,
        paths: Sequence[Path],
        tally: Tally,
        stopped: str,
        *,
        key: str | None = None,
        **more: Any,
    ) -> "Result":
        """The result of a vote: its leader's answer, or that of `key` where a rule settled on one."""
        chosen = tally.leader if key is None else tally.of_key(key)
        notes = {note: None for path in paths for c in (*path.completions, *path.asides) for note in c.degradations}
        notes.update(dict.fromkeys(more.pop("degradations", ())))
        return cls(
            problem=problem,
            answer=chosen.answer if chosen else None,
            key=chosen.key if chosen else None,
            paths=tuple(paths),
            tally=tally,
            stopped=stopped,
            usage=sum((path.usage for path in paths), NO_USAGE),
            cost=total_cost(path.cost for path in paths),
            degradations=tuple(notes),
            **more,
        )

    def __str__(self) -> str:
        return safe(views.headline(self))

    def __rich__(self) -> "Text":
        """What rich prints: the answer, the tally and the paths; square brackets and colons are not markup."""
        from rich.text import Text  # here, because only what prints it has need of rich

        return Text(safe("\n".join(views.lines(self))))

    def _repr_html_(self) -> str:
        return views.html(self)
