"""The store of draws: one SQLite file in which every completion that was paid for is kept.

`Store.open(path)` gives the store of a file; `upkeep` holds what a person does with one: stats, prune, merge, export
and verify. `docs/store.md` says how it works and what its tests hold.
"""

from reasoning.store.store import Kept, Store

__all__ = ["Kept", "Store"]
