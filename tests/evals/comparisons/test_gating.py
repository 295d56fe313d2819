"""The gate: passes, refuses, or says that it cannot tell."""

from pathlib import Path

import pytest
from scored import scored

from evals.comparisons.gating import Gate, gate
from reasoning.errors import ConfigError

ITEMS = 240


def held(candidate: list[bool | None], baseline: list[bool | None] | None = None, margin: float = 2.0) -> Gate:
    first = scored(baseline if baseline is not None else [i % 5 > 0 for i in range(ITEMS)], name="a")
    return gate(first, scored(candidate, name="b"), margin)


def test_a_candidate_that_is_no_worse_passes() -> None:
    found = held([i % 5 > 0 or i % 10 == 0 for i in range(ITEMS)])
    assert (found.outcome, found.exit_code) == ("pass", 0)
    assert found.bounds.low > -0.02
    assert "direct · b is not worse than direct · a by 2.0 points or more: the difference is 10.0" in found.verdict


def test_a_regression_beyond_the_margin_is_refused() -> None:
    found = held([i % 5 > 1 for i in range(ITEMS)])
    assert (found.outcome, found.exit_code) == ("regression", 3)
    assert found.bounds.high < -0.02


def test_few_items_are_inconclusive() -> None:
    found = held([True, False] * 15, [False, True] * 15)
    assert (found.outcome, found.exit_code) == ("inconclusive", 4)
    assert found.needed is not None
    assert found.needed > 30
    assert "; one just as good needs about " in found.verdict


def test_an_equal_candidate_needs_items_enough_for_the_margin() -> None:
    same: list[bool | None] = [i % 5 > 0 for i in range(ITEMS)]
    assert held(same, margin=0.1).outcome == "inconclusive"
    assert held(same, margin=2.0).outcome == "pass"


def test_lost_problems_neither_pass_nor_refuse() -> None:
    """All of them are the baseline's: counted 0 they would flatter the candidate."""
    lost: list[bool | None] = [None if i < 40 else i % 5 > 0 for i in range(ITEMS)]
    whole: list[bool | None] = [i % 5 > 0 for i in range(ITEMS)]
    assert held(whole, lost).outcome == "inconclusive"
    assert held(lost, whole).outcome == "inconclusive"


def test_a_grown_run_passes_on_bounds_that_hold_at_every_look(tmp_path: Path) -> None:
    marks = [i % 5 > 0 for i in range(ITEMS)]
    scored(marks, out=tmp_path, name="b", limit=100)
    found = gate(scored(marks, name="a"), scored(marks, out=tmp_path, name="b"), 3.0)
    assert found.bounds.method == "betting, always valid"
    assert found.outcome == "pass"
    assert any("was grown" in note for note in found.notes)


def test_margins_are_points() -> None:
    with pytest.raises(ConfigError, match="points from 0 to 100, not -1"):
        held([True] * ITEMS, margin=-1)
