"""What the scoring worker runs: reasoning-gym's own scorers, on a model's text.

Run by `reasoning.worker`, in a process of its own, because what a scorer computes from a text may hang or take all
memory. It imports nothing of this project.
"""

import ast
import base64
import pickle
import sys
from functools import lru_cache
from typing import Any

from reasoning_gym.factory import create_dataset

_EVALUATED = frozenset({"binary_matrix", "n_queens", "spiral_matrix", "string_insertion"})
"""The generators whose scorers `eval` an answer that stands for a list: it is read as a literal instead."""


@lru_cache(maxsize=16)
def _dataset(made: bytes) -> Any:
    name, size, seed, config = pickle.loads(made)  # noqa: S301 (of the process that started this one)
    dataset = create_dataset(name, size=size, seed=seed, **config)
    if name in _EVALUATED:
        vars(sys.modules[type(dataset).__module__])["eval"] = ast.literal_eval
    return dataset


def answer(request: dict[str, str]) -> float:
    """The score of a text: `made` makes the generator's dataset, `entry` is the one that the text answers."""
    dataset = _dataset(base64.b64decode(request["made"]))
    entry = pickle.loads(base64.b64decode(request["entry"]))  # noqa: S301 (of the process that started this one)
    return float(dataset.score_answer(request["text"], entry))
