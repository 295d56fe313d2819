"""The chance in a draw: one Gumbel variate for each token, by a counter-based generator.

The variate is a pure function of the draw's seed, the step and the token. So a draw needs no generator's state: it is
the same alone, in any batch, after a restart, and on any device, and can be taken up again in its middle.

A draw takes the token with the greatest log p + g, g = −log(−log(1 − u)) (Gumbel-max; Maddison, Tarlow and Minka 2014,
arXiv:1411.0030), which is distributed as p. u comes from a 32-bit hash of token and key (the finaliser "lowbias32" over
a Weyl sequence, as in SplitMix).
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

import torch

_WEYL = 0x9E3779B1 - 2**32  # the golden ratio's bits, as a signed number
_MIX = (0x7FEB352D, 0x846CA68B - 2**32)
_IN_CACHE = 2**16
"""Variates that a CPU makes at once: a dozen passes over more would run at the memory's speed."""


def gumbel(seeds: Sequence[int], steps: Sequence[int], vocabulary: int, device: Any) -> Any:
    """Standard Gumbel variates, float32, one row for each seed and step, one column for each token."""
    tokens = torch.arange(vocabulary, dtype=torch.int32, device=device) * _WEYL
    keys = torch.tensor([_key(seed, step) for seed, step in zip(seeds, steps, strict=True)], dtype=torch.int32)
    keys = keys.to(device)[:, None]
    if tokens.device.type != "cpu":
        return _variates(tokens + keys)
    at_once = max(1, _IN_CACHE // vocabulary)
    return torch.cat([_variates(tokens + some) for some in keys.split(at_once)])


def _key(seed: int, step: int) -> int:
    digest = hashlib.blake2b(struct.pack("<QQ", seed, step), digest_size=4).digest()
    return int.from_bytes(digest, "little", signed=True)


def _variates(x: Any) -> Any:
    """Hashes 32-bit numbers in place, and makes variates of them; `&` clears what a signed shift drags in."""
    x.bitwise_xor_((x >> 16).bitwise_and_(0xFFFF)).mul_(_MIX[0])
    x.bitwise_xor_((x >> 15).bitwise_and_(0x1FFFF)).mul_(_MIX[1])
    x.bitwise_xor_((x >> 16).bitwise_and_(0xFFFF)).bitwise_and_(0x7FFFFFFF)
    # Small u decide who wins: as a float they keep all their bits, where those near 1 would not.
    u = x.to(torch.float32).add_(0.5).mul_(2.0**-31).clamp_(max=1 - 2.0**-24)
    return u.neg_().log1p_().neg_().log_().neg_()
