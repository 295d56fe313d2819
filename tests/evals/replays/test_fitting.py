"""A prior is fitted on one part of the items and judged on the other, on the same orders as the published rule."""

import json
import random
from pathlib import Path
from statistics import fmean

import pytest

from evals.replays.fitting import fit_pool
from evals.replays.pool import Draws, Pool
from reasoning.errors import ConfigError
from strategies.prior import Votes, fit
from strategies.stopping import Adaptive, Stop

POOL = Path(__file__).parents[2] / "data" / "embedded_pool.json"


def pool_of(rows: list[list[str | None]]) -> Pool:
    made = [
        Draws(
            f"q{at}",
            0,
            None,
            keys,
            {key: float(key == "1") for key in keys if key},
            [1] * len(keys),
            [1] * len(keys),
            [None] * len(keys),
            [{}] * len(keys),
        )
        for at, keys in enumerate(rows)
    ]
    return Pool(made, items=len(rows), repeats=1, seed=0, draws=len(rows[0]))


def varied(items: int) -> Pool:
    """Some problems clear, some close, the likelier answer not always the right one; 30 draws each."""
    rng = random.Random(6)
    rows: list[list[str | None]] = []
    for _ in range(items):
        share, likelier = rng.choice((0.98, 0.95, 0.9, 0.75, 0.6, 0.55)), rng.choice("1112")
        other = "2" if likelier == "1" else "1"
        rows.append([likelier if rng.random() < share else other for _ in range(30)])
    return pool_of(rows)


def test_the_prior_is_fitted_to_the_choosing_items_only() -> None:
    pool = varied(200)
    told = fit_pool(pool, "a pool", 0.5, (0.9,), 20, 0)
    assert (told.fitted_on, told.told_on) == (100, 100)
    assert told.prior.problems == 100
    assert told.prior != fit((Votes.of(row.keys) for row in pool.rows), source="a pool")


def test_on_problems_as_fitted_it_agrees_more_often_at_equal_draws() -> None:
    told = fit_pool(varied(1200), "", 0.5, (0.9, 0.95), 40, 0)
    for gain in told.gains:
        assert gain.agreement > 0
        assert gain.draws <= gain.published_draws * 1.05
        assert gain.difference_interval[0] <= gain.difference <= gain.difference_interval[1]


def test_against_itself_a_rule_gains_nothing() -> None:
    """A flat prior whose policy is the published rule's equal in draws: the difference is near 0 on any pool."""
    rng = random.Random(1)
    told = fit_pool(pool_of([[rng.choice("12") for _ in range(20)] for _ in range(400)]), "", 0.5, (0.95,), 40, 0)
    assert abs(told.gains[0].difference) < 0.02


def test_too_little_to_fit_to_is_refused() -> None:
    with pytest.raises(ConfigError, match="two groups"):
        fit_pool(varied(3), "", 0.5, (0.9,), 10, 0)
    with pytest.raises(ConfigError, match="at least 4 draws"):
        fit_pool(pool_of([["1", "1"]] * 8), "", 0.5, (0.9,), 10, 0)


def test_a_saved_prior_is_a_rules(tmp_path: Path) -> None:
    told = fit_pool(varied(40), "a pool", 0.5, (0.9,), 10, 0)
    told.prior.save(tmp_path / "prior.json")
    rule = Stop.of_config({"adaptive": {"prior": str(tmp_path / "prior.json")}})
    assert rule == Adaptive(prior=told.prior)


def embedded() -> Pool:
    """Draws of the embedded model: `tests/data/embedded_pool.py` says how they were made."""
    rows = []
    for part in json.loads(POOL.read_text()):
        task = part["provenance"]["task"]["name"]
        for id, item in part["items"].items():
            keys: list[str | None] = [str(at) for at, (count, _) in enumerate(item["classes"]) for _ in range(count)]
            keys += [None] * item["abstained"]
            worth = {str(at): float(value) for at, (_, value) in enumerate(item["classes"])}
            n = len(keys)
            rows.append(Draws(f"{task} {id}", 0, None, keys, worth, [1] * n, [1] * n, [None] * n, [{}] * n))
    return Pool(rows, items=len(rows), repeats=1, seed=0, draws=len(rows[0].keys))


def test_on_the_embedded_models_draws_it_is_better_at_equal_draws_on_problems_it_was_not_fitted_to() -> None:
    """The mean over 8 held-out splits; `docs/adaptive-prior.md` has the standard errors."""
    pool = embedded()
    told = [fit_pool(pool, "", 0.5, (0.8, 0.85), 200, seed).gains for seed in range(8)]
    for gains in zip(*told, strict=True):
        assert fmean(gain.agreement for gain in gains) > 0.001
        assert fmean(gain.difference for gain in gains) > 0.001


def test_on_the_embedded_models_draws_it_is_not_worse_where_draws_abound() -> None:
    (told,) = zip(*(fit_pool(embedded(), "", 0.5, (0.9,), 200, seed).gains for seed in range(8)), strict=True)
    assert fmean(gain.agreement for gain in told) > 0
    assert fmean(gain.difference for gain in told) > -0.001
    assert fmean(gain.draws / gain.published_draws for gain in told) < 1.08
