"""Quantiles."""

from evals.statistics.quantiles import quantile


def test_quantiles_are_figures_that_were_seen() -> None:
    ordered = [1.0, 2.0, 3.0, 4.0]
    assert [quantile(ordered, share) for share in (0, 0.5, 0.75, 0.95, 1)] == [1, 2, 3, 4, 4]
