"""What all lines of one run have in common, and a line as bytes."""

import json
from typing import Any

from pydantic_core import from_json

from evals.lines.shared import Shared
from reasoning.answer import AnswerKind
from reasoning.sampling import Sampling

Line = dict[str, Any]
"""A line of a run log as parsed JSON; `docs/run-log.md` lists the keys."""


def to_bytes(line: Line) -> bytes:
    """A line as UTF-8 JSON with its newline; a date, or whatever else JSON has no form for, stands in it as text."""
    try:
        return _json(line, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # lone surrogates in a model's text: escaped, they survive
        return _json(line, ensure_ascii=True).encode() + b"\n"


def _json(line: Line, ensure_ascii: bool) -> str:
    # str: a column of the person's data must not cost the answer that was paid for
    return json.dumps(line, ensure_ascii=ensure_ascii, separators=(",", ":"), default=str)


def from_bytes(data: bytes) -> Line:
    """The line that `to_bytes` wrote.

    Raises:
        ValueError: It is damaged.
    """
    try:
        line: Line = from_json(data)
    except ValueError:  # lone surrogates, which only the standard library reads
        line = json.loads(data)
    return line


class Context:
    """What all lines of one run have in common.

    Args:
        kind: The task's answer kind.
        shared: What `run.json` keeps for all lines.
        seed: The run's seed; a repeat adds its number.
    """

    def __init__(self, kind: AnswerKind, shared: Shared, seed: int = 0) -> None:
        self.kind, self.shared, self.seed = kind, shared, seed
        self._sampling_names: dict[Sampling, Any] = {}
        self._samplings: dict[str, Sampling] = {}

    def sampling_name(self, sampling: Sampling) -> Any:
        """The shared name of sampling settings."""
        if sampling not in self._sampling_names:
            self._sampling_names[sampling] = self.shared.name(sampling.model_dump(mode="json", exclude_none=True))
        return self._sampling_names[sampling]

    def sampling(self, name: Any) -> Sampling:
        """The settings of a name."""
        if isinstance(name, dict):
            return Sampling.model_validate(self.shared.value(name))
        if name not in self._samplings:
            self._samplings[name] = Sampling.model_validate(self.shared.value(name))
        return self._samplings[name]
