"""What a strategy sees of a task's item."""

import hashlib

from pydantic import BaseModel, ConfigDict

from reasoning.answer import AnswerKind, Number


class Problem(BaseModel):
    """A question and the kind of its answer; never the gold answer.

    Attributes:
        id: Names the problem within its task.
        question: The question's text.
        kind: How an answer is read, compared and classed; a kind's plain name is accepted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    question: str
    kind: AnswerKind = Number()

    @classmethod
    def of(cls, question: "str | Problem") -> "Problem":
        """A problem as it is, or a plain question as a problem with a number for an answer."""
        if isinstance(question, Problem):
            return question
        return cls(id=hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest()[:16], question=question)
