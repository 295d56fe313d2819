"""A line of a run log: a `Record` as compact JSON, and back. `docs/run-log.md` lists the keys.

Each text is written once, what most lines share stands in `run.json`, and what can be told from the rest (defaults, the
result's usage, the scores of paths that agree with the result) is left out. Token log-probabilities are not kept: they
are in the store of draws.
"""

from evals.lines.context import Context, Line, from_bytes, to_bytes
from evals.lines.decoding import decode
from evals.lines.encoding import encode
from evals.lines.shared import Shared

__all__ = ["Context", "Line", "Shared", "decode", "encode", "from_bytes", "to_bytes"]
