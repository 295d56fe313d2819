"""Compares runs two by two, item by item."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import Literal

from evals.comparisons.comparison import Comparison, Outcome, Pair
from evals.comparisons.contrast import Contrast, contrast, smoothed_variance
from evals.comparisons.matching import Matched, Reading
from evals.comparisons.verdict import verdict
from evals.run import Run, load_run
from evals.statistics.holm import holm
from evals.stats import CONFIDENCE, POWER, items_needed, minimum_detectable
from reasoning.errors import ConfigError

Against = Literal["all", "first", "previous"]


def compare(
    runs: Sequence[Run | str | Path],
    *,
    against: Against = "all",
    labels: Sequence[str] | None = None,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Compares runs of one task two by two, on the items that both have.

    Differences are paired by item; repeats are averaged within an item first. Over several pairs, p-values are
    Holm-adjusted and intervals hold all at once (Bonferroni). `evals.comparisons.contrast` says which interval and test
    is taken when. A lost problem counts 0, as in a run's headline, with the bounds beside.

    Args:
        runs: Two or more, or their folders.
        against: Which pairs: "all" of them, each run with the "first", or each with the "previous" one.
        labels: What to call the runs; else what tells them apart.
        confidence: Of the intervals and verdicts.

    Raises:
        ConfigError: There are fewer than two runs, one is named twice, their tasks differ, or they share no item.
        DataError: A folder holds no run.
    """
    readings = read(runs, labels)
    chosen = [(a, b) for a in range(len(readings)) for b in range(a + 1, len(readings)) if _wanted(a, b, against)]
    matched = [Matched.of(readings[a], readings[b]) for a, b in chosen]
    level = 1 - (1 - confidence) / len(matched)
    found = [contrast(m.differences(), m.groups, binary=m.binary, looks=m.looks, confidence=level) for m in matched]
    adjusted = holm([one.p for one in found])
    pairs = [_pair(m, one, p, confidence, len(matched)) for m, one, p in zip(matched, found, adjusted, strict=True)]
    return Comparison(readings[0].run.task, tuple(pairs))


def read(runs: Sequence[Run | str | Path], labels: Sequence[str] | None = None) -> list[Reading]:
    """The runs, loaded and named.

    Raises:
        ConfigError: There are fewer than two, or one is named twice.
        DataError: A folder holds no run.
    """
    loaded = [run if isinstance(run, Run) else load_run(run) for run in runs]
    if len(loaded) < 2:
        raise ConfigError(f"A comparison takes two runs or more, not {len(loaded)}.")
    folders = [run.folder.resolve() for run in loaded if run.folder is not None]
    if len(set(folders)) < len(folders) or len(set(map(id, loaded))) < len(loaded):
        raise ConfigError("A run was named twice; a comparison takes different runs.")
    tasks = list(dict.fromkeys(run.task for run in loaded))
    if len(tasks) > 1:
        raise ConfigError(f"These are runs of {' and '.join(tasks)}; only runs of one task can be compared.")
    names = list(labels) if labels is not None else _told_apart(loaded)
    if len(names) != len(loaded) or len(set(names)) < len(names):
        raise ConfigError(f"{len(loaded)} runs take as many different labels, not {', '.join(names) or 'none'}.")
    return [Reading(run, name) for run, name in zip(loaded, names, strict=True)]


def _told_apart(runs: Sequence[Run]) -> list[str]:
    from evals.reporting.labels import labels

    names = labels(runs)
    if len(set(names)) == len(names):
        return names
    return [f"{name} (items {run.header.task.fingerprint[:6]})" for name, run in zip(names, runs, strict=True)]


def _wanted(a: int, b: int, against: Against) -> bool:
    return against == "all" or (a == 0 if against == "first" else a == b - 1)


def _pair(m: Matched, found: Contrast, adjusted: float, confidence: float, pairs: int) -> Pair:
    differences, groups = m.differences(), m.groups
    variance = smoothed_variance(differences, groups)
    if m.looks:
        least, needed = _always_valid_power(found, variance, len(m.ids))
    else:
        level = 1 - (1 - confidence) / pairs
        least = minimum_detectable(len(m.ids), variance, level, POWER)
        needed = items_needed(found.difference, variance, level, POWER) if found.difference else None
    pair = Pair(
        a=m.a.label,
        b=m.b.label,
        sides=(m.a.side(m.ids), m.b.side(m.ids)),
        items=len(m.ids),
        unmatched=m.unmatched,
        difference=found.difference,
        interval=found.interval,
        p=found.p,
        p_adjusted=adjusted,
        confidence=confidence,
        pairs=pairs,
        grown=bool(m.looks),
        clusters=None if groups is None else _clusters(groups),
        bounds=m.bounds,
        flips=m.flips,
        minimum_detectable=least,
        needed=needed,
        agreement=m.agreement,
        outcome=_outcome(m, found.difference, adjusted, confidence),
        verdict="",
        notes=m.notes(),
    )
    return replace(pair, verdict=verdict(pair))


def _always_valid_power(found: Contrast, variance: float, items: int) -> tuple[float, int | None]:
    """The least difference shown, and the items needed for the one seen, where intervals are always-valid ones.

    Their width takes the place of z standard errors in the formulas of `evals.stats`; it shrinks about as 1/√n.
    """
    half = (found.interval.high - found.interval.low) / 2
    reach = half + NormalDist().inv_cdf(POWER) * math.sqrt(variance / items)
    return reach, math.ceil(items * (reach / found.difference) ** 2) if found.difference else None


def _outcome(m: Matched, difference: float, p: float, confidence: float) -> Outcome:
    if m.in_file_order or p > 1 - confidence:
        return "unclear"
    return "better" if difference > 0 else "worse"


def _clusters(groups: Sequence[str | None]) -> int:
    return len({group for group in groups if group is not None}) + sum(group is None for group in groups)
