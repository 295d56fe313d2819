"""Repeats of a run: where the variance lies, and what slices make of it."""

from pathlib import Path

import pytest
from solving import scripted

import evals
from evals.item import Item
from evals.task import Task
from reasoning.draws import ROWS_PER_SEED
from reasoning.request import Request
from strategies.direct import Direct


def test_variance_within_and_between_repeats_by_hand_and_slices_that_cluster_them(tmp_path: Path) -> None:
    """Item 0 is right in one repeat of two, item 1 in both, items 2 and 3 in none."""
    items = [Item.of(f"i-{n}", f"How many, in case {n}?", "18", metadata={"half": n // 2}) for n in range(4)]

    def script(request: Request, row: int) -> str:
        asked = (request.prompt or " ".join(m.content for m in request.messages)).rpartition("in case ")[2][0]
        right = asked == "1" or (asked == "0" and row >= ROWS_PER_SEED)
        return f"The answer is {18 if right else 7}."

    strategy = Direct(shots=None, sampling={"temperature": 0.7})
    run = evals.evaluate(Task.of("made", items), strategy, scripted(script), out=tmp_path, repeats=2)
    found = run.repeats
    assert found is not None
    # Item 0 has variance 1/2 within, the others 0; the noise of the means is half of that.
    assert (found.items, found.repeats, found.mean) == (4, 2, pytest.approx(3 / 8))
    assert found.within == pytest.approx(1 / 8)
    means = (0.5, 1.0, 0.0, 0.0)
    spread = sum((mean - 3 / 8) ** 2 for mean in means) / 3
    assert found.between == pytest.approx(spread - (1 / 8) / 2)
    assert run.accuracy == pytest.approx(3 / 8)
    slices = run.by("half")
    assert (slices[0].accuracy, slices[1].accuracy, slices[0].items) == (0.75, 0.0, 4)
    assert slices[0].interval.method == "clustered t"
