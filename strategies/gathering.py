"""Draws paths side by side, up to a deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from strategies.path import Path

ABANDONED = "still under way at the deadline"


async def gather_paths(
    draw_path: Callable[[int], Awaitable[Path]], indices: Sequence[int], until: float | None
) -> tuple[list[Path], bool]:
    """Draws the paths of the given indices at once.

    Args:
        draw_path: Draws the path of an index.
        indices: Which.
        until: The loop's time at which paths still under way are abandoned; None for no deadline.

    Returns:
        The paths in the order of `indices`, and whether the deadline cut any of them.
    """
    if len(indices) == 1 and until is None:
        return [await draw_path(indices[0])], False
    tasks = [asyncio.ensure_future(draw_path(index)) for index in indices]
    try:
        timeout = None if until is None else max(0.0, until - asyncio.get_running_loop().time())
        _, late = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_EXCEPTION)
        broke = [error for task in tasks if task.done() and (error := task.exception())]
        if broke:
            raise broke[0]
    finally:
        await cancel_all(tasks)
    return [
        Path.without_answer(index, "abandoned", ABANDONED) if task in late else task.result()
        for index, task in zip(indices, tasks, strict=True)
    ], bool(late)


async def cancel_all(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancels what is not done, waits until it has wound down, and takes note of how each ended."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
