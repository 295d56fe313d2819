"""What a line of a run log leaves out because it can be told from the rest of it."""

from evals.record import Record
from reasoning.completion import Completion
from reasoning.message import Role
from reasoning.request import Request
from sandbox.outcome import Outcome
from strategies.path import Path
from strategies.program_of_thought import failure_reason
from strategies.tally import Tally

ROLES: dict[Role, str] = {"system": "s", "user": "u", "assistant": "a"}
ROLE_OF: dict[str, Role] = {letter: role for role, letter in ROLES.items()}
USUAL_STOP = "single path"
USUAL_RULE = "answer is"
REASONS = {
    "no_answer": "the text holds no answer",
    "truncated": "the text was cut at max_tokens",
    "refused": "the model declined",
    "filtered": "a content filter withheld the text",
    "abandoned": "still under way at the deadline",
}
"""Why paths of a status have no answer, unless the line says otherwise."""


def told_by_paths(tally: Tally, paths: tuple[Path, ...]) -> bool:
    """Whether the tally is what a reader of the paths takes for granted: one class at most, each path one vote."""
    votes = len({path.key for path in paths if path.key is not None})
    abstained = sum(path.key is None for path in paths)
    if tally.abstained != abstained or tally.tied or len(tally.classes) != votes or votes > 1:
        return False
    return all(c.votes == c.weight == len(paths) - abstained for c in tally.classes)


def usual_score(key: str | None, record: Record) -> float:
    return record.score if key is not None and key == record.result.key else 0.0


def usual_row(row_from: int, index: int, request: Request | None) -> int:
    return 0 if request is not None and request.sampling.greedy else row_from + index


def usual_rule(path: Path) -> str | None:
    if path.key is None:
        return None
    return USUAL_RULE if path.outcome is None else "program"


def usual_reason(status: str, completions: tuple[Completion, ...], outcome: Outcome | None) -> str | None:
    if status == "failed" and completions and completions[-1].failure is not None:
        return f"{completions[-1].failure.kind}: {completions[-1].failure.message}"
    if status == "program_failed" and outcome is not None:
        return failure_reason(outcome)
    return REASONS.get(status)
