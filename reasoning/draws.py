"""Keys, rows and seeds of draws.

A draw is named by the key of its request on its model and by its row. The run's seed `s` and the draw index `i` give
the row `s · 65536 + i`, so that runs with other seeds draw disjoint rows. The seed sent to the model is
`(H(key) + row) mod 2³¹`: the request is mixed in because one seed sequence shared by all problems gave 4–5 × the
variance of independent draws on short prompts; and consecutive rows have consecutive seeds (modulo 2³¹), which is what
servers derive themselves for several samples of one request.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from reasoning.errors import ConfigError
from reasoning.request import Request

ROWS_PER_SEED = 65536
SEED_MODULUS = 2**31
SEEDS = SEED_MODULUS // ROWS_PER_SEED
"""How many seeds a run can have; with more, two runs would send the same seeds to the model."""


def demand_seed(seed: int, repeats: int = 1) -> int:
    """A run's seed, where it and those of the run's repeats (each one more) can be.

    Raises:
        ConfigError: One of them is not in 0 … 32767.
    """
    if not isinstance(seed, int) or not 0 <= seed <= SEEDS - repeats:
        counted = f", and with {repeats} repeats, which each take one more, at most {SEEDS - repeats}"
        raise ConfigError(
            f"A run's seed is a whole number from 0 to {SEEDS - 1}{counted if repeats > 1 else ''}; got {seed!r}."
        )
    return seed


def row(seed: int, index: int) -> int:
    """The row of draw `index` in a run with `seed`.

    Raises:
        ConfigError: The seed is not in 0 … 32767, or the index is not in 0 … 65535.
    """
    if not 0 <= index < ROWS_PER_SEED:
        raise ConfigError(f"A draw index is from 0 to {ROWS_PER_SEED - 1}; got {index}.")
    return demand_seed(seed) * ROWS_PER_SEED + index


def identity_text(identity: Mapping[str, Any]) -> str:
    """A model identity as canonical JSON."""
    return json.dumps(dict(identity), sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def draw_key(identity: str, request: Request) -> bytes:
    """The 32-byte key of a request on a model whose identity's canonical text is given (SHA-256)."""
    return hashlib.sha256(f"{identity}\n{request.canonical}".encode()).digest()


def draw_seed(key: bytes, row: int) -> int:
    """The seed sent to the model for one row of a key, in 0 … 2³¹ − 1."""
    return (int.from_bytes(key[:8], "big") + row) % SEED_MODULUS


def consecutive_runs(key: bytes, rows: Sequence[int], most: int) -> list[list[int]]:
    """Splits rows into chunks of at most `most` whose seeds are consecutive, so that a server's seed + i fits them."""
    chunks: list[list[int]] = [[rows[0]]] if rows else []
    for before, now in pairwise(rows):
        wraps = draw_seed(key, now) == 0
        if now == before + 1 and not wraps and len(chunks[-1]) < most:
            chunks[-1].append(now)
        else:
            chunks.append([now])
    return chunks
