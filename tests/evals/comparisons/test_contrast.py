"""Which interval and test suit which scores."""

import numpy as np
import pytest

from evals.comparisons.contrast import Looks, contrast, smoothed_variance
from evals.statistics import bootstrap, paired, sequential
from evals.stats import minimum_detectable, paired_se

WHOLE = [1.0] * 12 + [-1.0] * 5 + [0.0] * 83
PARTS = ((np.random.default_rng(3).integers(-2, 4, 100)) / 4).tolist()
GROUPS = [f"template {i // 4}" for i in range(100)]


def test_whole_scores_take_tango_and_mcnemar() -> None:
    found = contrast(WHOLE, binary=True)
    assert found.difference == pytest.approx(0.07)
    assert found.interval == paired.tango(12, 5, 100)
    assert found.p == paired.mcnemar(12, 5)


def test_fractional_scores_take_the_bootstrap_and_sign_flips() -> None:
    found = contrast(PARTS, binary=False)
    clusters = bootstrap.clustered(PARTS)
    assert (found.interval, found.p) == (bootstrap.percentile(clusters), bootstrap.sign_flip(clusters))


def test_clustered_scores_are_wider() -> None:
    alike = [1.0] * 32 + [-1.0] * 16 + [0.0] * 52
    found, plain = contrast(alike, GROUPS, binary=True), contrast(alike, binary=True)
    assert found.interval.method == "clustered bootstrap"
    assert found.interval.high - found.interval.low > 1.5 * (plain.interval.high - plain.interval.low)
    assert found.p > 5 * plain.p


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_a_bootstrap_with_almost_nothing_to_draw_from_is_not_believed(groups: list[str] | None) -> None:
    for values in ([0.0] * 100, [0.5] * 2 + [0.0] * 98):
        found = contrast(values, groups, binary=False)
        assert found.interval.method == "betting, always valid"
        assert found.interval.low < -0.02 < 0.04 < found.interval.high
    assert contrast([0.0] * 100, groups, binary=False).p == 1.0


@pytest.mark.parametrize("looks", [Looks(), Looks(items=True)])
@pytest.mark.parametrize("cautious", [False, True])
def test_clusters_that_all_gained_alike_are_no_certainty(looks: Looks, cautious: bool) -> None:
    """One run has every item right and the other none: no error is seen, which does not say that there is none."""
    found = contrast([1.0] * 100, GROUPS, binary=True, looks=looks, cautious=cautious)
    assert found.difference == 1.0
    assert 0 < found.interval.low < 0.8
    assert found.p < 0.001


def test_thirds_that_cancel_out_are_no_difference() -> None:
    found = contrast([2 / 3 - 1 / 3, 2 / 3 - 1] * 20, binary=False)
    assert (found.difference, found.p) == (0.0, 1.0)


def test_clusters_of_other_sizes_are_weighed_by_their_items() -> None:
    """Few differing clusters, the largest of 40 items: its scale is what a cluster could have changed."""
    values, groups = [0.5] * 3 + [0.0] * 57, [*range(20), *[99] * 40]
    found = contrast(values, [str(group) for group in groups], binary=False)
    assert found.difference == pytest.approx(1.5 / 60)
    assert found.interval.low < found.difference < found.interval.high
    assert found.interval.high > contrast(values, binary=False).interval.high


def test_grown_runs_take_what_holds_at_every_look() -> None:
    found = contrast(WHOLE, binary=True, looks=Looks(items=True))
    assert found.interval == sequential.betting(WHOLE)
    assert found.p == sequential.betting_p(WHOLE) > paired.mcnemar(12, 5)
    few = contrast([0.5] * 2 + [0.0] * 98, GROUPS, binary=False, looks=Looks(items=True))
    assert few.interval.method == "betting, always valid"
    spread = ([1.0, 0.0, 0.0, 0.0] * 12 + [-1.0, 0.0, 0.0, 0.0] * 5 + [0.0] * 32)[:100]
    clustered = contrast(spread, GROUPS, binary=True, looks=Looks(items=True))
    assert clustered.interval.method == "normal mixture, always valid"
    repeats = contrast(PARTS, binary=False, looks=Looks(repeats=3))
    assert repeats.interval == sequential.betting(PARTS, confidence=1 - 0.05 / 12)
    assert repeats.p == pytest.approx(min(1.0, 12 * sequential.betting_p(PARTS)))


def test_spending_over_repeats_never_passes_the_level() -> None:
    assert sum(1 - Looks(repeats=r).level(0.95) for r in range(1, 2000)) <= 0.05


@pytest.mark.parametrize(
    ("values", "binary"),
    [*(([value], whole) for value in (1.0, 0.0, -1.0) for whole in (True, False)), ([0.25], False)],
)
@pytest.mark.parametrize("looks", [Looks(), Looks(items=True)])
@pytest.mark.parametrize("groups", [None, ["a"]])
def test_one_item_says_almost_nothing(
    values: list[float], binary: bool, looks: Looks, groups: list[str] | None
) -> None:
    found = contrast(values, groups, binary=binary, looks=looks)
    assert -1 <= found.interval.low <= values[0] <= found.interval.high <= 1
    assert found.interval.high - found.interval.low > 1
    assert found.p == 1.0


def test_plans_do_not_take_a_small_pilot_at_its_word() -> None:
    assert smoothed_variance([0.0] * 20) == pytest.approx(2 / 22)
    large = WHOLE * 50
    known = minimum_detectable(len(large), paired_se(large, [0.0] * len(large)) ** 2 * len(large))
    assert minimum_detectable(len(large), smoothed_variance(large)) == pytest.approx(known, rel=0.01)
