"""The clustered bootstrap and the sign-flip test."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from evals.statistics import bootstrap
from evals.statistics.bootstrap import Clusters, clustered


def differences(count: int, seed: int) -> list[float]:
    chance = np.random.default_rng(seed)
    return ((chance.binomial(4, 0.7, count) - chance.binomial(4, 0.6, count)) / 4).tolist()


def test_items_are_summed_by_group() -> None:
    found = clustered([1.0, 0.5, -1.0, 0.0, 0.25], ["a", None, "b", "a", None])
    assert sorted(zip(found.sums.tolist(), found.sizes.tolist(), strict=True)) == [(-1, 1), (0.25, 1), (0.5, 1), (1, 2)]


@pytest.mark.parametrize("level", [0.0, 1 / 3, 1.0])
def test_clusters_differ_from_what_most_of_them_show(level: float) -> None:
    groups = [index // 3 for index in range(60)]
    assert clustered([level] * 60, groups).differing == 0
    assert clustered([level - 1] * 7 + [level] * 53, groups).differing == 3


def test_the_interval_agrees_with_scipys_but_for_students_t() -> None:
    values = differences(300, 1)
    known = scipy_stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2)
    )
    found = bootstrap.percentile(clustered(values))
    assert (found.low, found.high) == pytest.approx(tuple(known.confidence_interval), abs=0.003)


def test_clusters_are_drawn_whole() -> None:
    """Copies of an item within a cluster say nothing new."""
    values = differences(80, 3)
    copied = [value for value in values for _ in range(5)]
    found, once = (
        bootstrap.percentile(c) for c in (clustered(copied, [i // 5 for i in range(400)]), clustered(values))
    )
    assert (found.low, found.high) == pytest.approx((once.low, once.high), abs=1e-9)


def test_the_same_seed_gives_the_same() -> None:
    found = clustered(differences(100, 4))
    assert bootstrap.percentile(found) == bootstrap.percentile(found)
    assert bootstrap.percentile(found) != bootstrap.percentile(found, seed=1)
    assert bootstrap.sign_flip(found) == bootstrap.sign_flip(found)


def test_the_cautious_interval_is_the_wider_one() -> None:
    for seed in range(5):
        found = clustered(differences(60, seed))
        plain, wide = bootstrap.percentile(found, 0.9), bootstrap.cautious(found, 0.9)
        assert wide.low <= plain.low < plain.high <= wide.high


@pytest.mark.parametrize("count", [2, 5, 12])
def test_few_sign_flips_are_counted_exactly(count: int) -> None:
    values = np.random.default_rng(count).normal(0.3, 1, count)
    known = scipy_stats.permutation_test(
        (values,), np.sum, permutation_type="samples", n_resamples=np.inf, vectorized=False
    ).pvalue
    assert bootstrap.sign_flip(clustered(values.tolist())) == pytest.approx(float(known))


def test_many_sign_flips_agree_with_the_t_test() -> None:
    values = differences(400, 7)
    known = float(scipy_stats.ttest_1samp(values, 0).pvalue)
    assert bootstrap.sign_flip(clustered(values)) == pytest.approx(known, abs=0.01)


def test_no_difference_at_all_is_no_evidence() -> None:
    none = Clusters(np.zeros(20), np.ones(20))
    assert bootstrap.sign_flip(none) == 1.0
    assert none.differing == 0
