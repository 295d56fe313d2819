"""`evals.curves`: accuracy and cost of votes × stopping rules × numbers of samples."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evals.replays.estimating import Estimate, actual, expected
from evals.replays.holdout import Curve, cheapest
from evals.replays.missing import MissingDrawsError
from evals.replays.points import Actual, Curves, Point
from evals.replays.pool import Pool, pool_of, pool_of_records
from evals.replays.recalling import asides_of, observes, path_strategies, same_signals, vote_of
from evals.replays.replaying import made_with, replay
from evals.replays.rules import read_stop, stop_name
from evals.run import Run, load_run
from reasoning import yaml_text
from reasoning.errors import ConfigError
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Adaptive, Stop, Window
from strategies.strategy import Strategy
from strategies.voting import Majority, Vote
from strategies.waves import VotingStrategy

GivenVote = Vote | str | Mapping[str, Any]
GivenStop = Stop | str | Mapping[str, Any] | None

ORDERS = 200
"""Random orders a problem: an error of at most 0.1 points over 1,319 problems."""


def curves(
    run: Run | str | Path,
    *,
    votes: Sequence[GivenVote] | None = None,
    stops: Sequence[GivenStop] | None = None,
    samples: Sequence[int] | None = None,
    holdout: float | None = 0.5,
    within: float = 0.01,
    orders: int = ORDERS,
    seed: int = 0,
    store: str | Path | None = None,
) -> Curves:
    """Accuracy and cost of any vote × stopping rule × number of samples, from the draws of one run; nothing is bought.

    Expected figures are over random subsets of the pool in random order, never the first k: counted exactly for a
    majority over a fixed number, otherwise over `orders` random orders a problem, with their error. Beside them stands
    what the draws in index order give, which is what a live run gives. `docs/replay.md` has the estimators.

    Args:
        run: A run that votes over paths, or its folder.
        votes: E.g. `["majority", {"judged": {"pick": "argmax"}}]`; by default a majority, and the run's own vote.
        stops: E.g. `["fixed", "adaptive=0.95", "window=5"]`, which is the default.
        samples: Most draws a problem, each number a point; by default 1 to all that the run was to draw.
        holdout: The share of items that the cheapest setting is told on, having had no say in choosing it; None
            chooses none.
        within: How far from the best the cheapest may be, as a share.
        orders: Random orders a problem, where counting does not do.
        seed: Of those orders, and of which items are held out.
        store: A store that holds draws, or token log-probabilities, that the log lacks.

    Raises:
        MissingDrawsError: Draws are missing, or their number depended on what they answered; says how many, and their
            price.
        ConfigError: The run takes no vote over paths; a name or number is out of its range.
    """
    run = run if isinstance(run, Run) else load_run(run)
    if not run.done:
        raise ConfigError(f"{run.name} has no results yet; go on with it first.")
    ran = made_with(run)
    wanted_votes = _distinct([read_vote(vote) for vote in votes] if votes is not None else _usual_votes(ran), "votes")
    wanted_stops = [read_stop(stop) for stop in stops] if stops is not None else [None, Adaptive(), Window()]
    wanted_stops = _distinct(wanted_stops, "stopping rules")
    _check(samples, orders, holdout)
    most = max(samples) if samples is not None else ran.width
    numbers = sorted(set(samples)) if samples is not None else range(1, most + 1)
    found: list[Curve] = []
    points: list[Point] = []
    for pool, own in _pools(run, ran, wanted_votes, most, store):
        settings = [(vote, stop) for vote in own for stop in wanted_stops]
        estimates = expected(pool, settings, orders, seed)
        for (vote, stop), estimate, exact in zip(settings, estimates, actual(pool, settings), strict=True):
            curve = Curve(vote_name(vote), stop_name(stop), pool, estimate)
            found.append(curve)
            points += _points(curve, exact, numbers)
    chosen = None if holdout is None else cheapest(found, numbers, holdout, within, seed)
    return Curves(points=tuple(points), cheapest=chosen, pool=most, orders=orders, notes=_notes(run, holdout, chosen))


def read_vote(given: GivenVote) -> Vote:
    """A vote as it is given: `majority`, `{judged: {pick: argmax}}`; or itself.

    Raises:
        UsageError: There is no such vote, or a value is out of its range.
    """
    if not isinstance(given, str) or not given.lstrip().startswith("{"):
        return Vote.of_config(given)
    import yaml

    try:
        return Vote.of_config(yaml_text.load(given))
    except yaml.YAMLError as error:
        raise ConfigError(f"The vote {given!r} is no YAML; write {{name: {{field: value}}}}.") from error


def vote_name(vote: Vote) -> str:
    """The name of a vote, such that `read_vote` gives it again."""
    ((name, fields),) = vote.config.items()
    own = {key: value for key, value in fields.items() if value != type(vote).model_fields[key].default}
    return f"{{{name}: {{{', '.join(f'{key}: {value}' for key, value in own.items())}}}}}" if own else str(name)


def _pools(
    run: Run, ran: Strategy, votes: Sequence[Vote], most: int, store: str | Path | None
) -> list[tuple[Pool, list[Vote]]]:
    """Votes with the pool that has their signals: from the log; else, as far as the store has them, by a replay."""
    read: dict[int, tuple[Pool, list[Vote]]] = {}
    further: dict[Vote, MissingDrawsError | None] = {}
    for vote in votes:
        added = asides_of(vote_of(ran)) or 0
        if observes(vote) and not same_signals(vote, vote_of(ran)):
            further[vote] = None
            continue
        dropped = 0 if observes(vote) else added
        try:
            if dropped not in read:
                read[dropped] = pool_of(run, most, dropped), []
            read[dropped][1].append(vote)
        except MissingDrawsError as error:
            if store is None:
                raise
            further[vote] = error
    pools = list(read.values())
    for vote, lacking in further.items():
        try:
            (replayed,) = replay(run, [_whole(ran, vote, most)], store=store)
        except MissingDrawsError as error:
            raise error if lacking is None else lacking.with_draws(error.draws) from None
        pools.append((pool_of_records(run, replayed.records, most), [vote]))
    return pools


def _whole(ran: Strategy, vote: Vote, samples: int) -> Strategy:
    """The strategy of a run with this vote, and all samples drawn of every problem."""
    if isinstance(ran, VotingStrategy):
        ((name, fields),) = ran.config.items()
        return Strategy.of_config({name: {**fields, "vote": vote.config, "stop": None, "samples": samples}})
    (of,) = path_strategies(ran)
    return SelfConsistency.with_fields({"of": of, "vote": vote, "samples": samples})


def _usual_votes(ran: Strategy) -> list[Vote]:
    own = vote_of(ran)
    return [Majority()] if own == Majority() else [Majority(), own]


def _check(samples: Sequence[int] | None, orders: int, holdout: float | None) -> None:
    if samples is not None and (not samples or min(samples) < 1):
        raise ConfigError(f"samples are whole numbers from 1 up; got {list(samples)}.")
    if orders < 2:
        raise ConfigError(f"orders must be 2 or more, so that their error can be told; got {orders}.")
    if holdout is not None and not 0 < holdout < 1:
        raise ConfigError(f"holdout is the share of items held out, between 0 and 1, or None; got {holdout:g}.")


def _distinct(given: Sequence[Any], what: str) -> list[Any]:
    if not given:
        raise ConfigError(f"No {what} are named; leave them out for the usual ones.")
    return list(dict.fromkeys(given))


def _points(curve: Curve, exact: Estimate, numbers: Sequence[int]) -> list[Point]:
    at = [number - 1 for number in numbers]
    pool = curve.pool
    draws, tokens, scores = (pool.mean(values[:, at]).tolist() for values in (exact.draws, exact.tokens, exact.score))
    costs = [None] * len(at) if exact.costs is None else pool.mean(exact.costs[:, at]).tolist()
    ends = pool.intervals(exact.score[:, at])
    told = [
        Actual(draws=drawn, tokens=spent, cost=cost, accuracy=accuracy, interval=interval)
        for drawn, spent, cost, accuracy, interval in zip(draws, tokens, costs, scores, ends, strict=True)
    ]
    return [replace(point, actual=one) for point, one in zip(curve.points(numbers), told, strict=True)]


def _notes(run: Run, holdout: float | None, chosen: Any) -> tuple[str, ...]:
    notes = []
    if run.done < run.header.planned:
        missing = run.header.planned - run.done
        notes.append(f"{missing} of {run.header.planned} planned problems have no result; they count as wrong")
    if holdout is not None and chosen is None:
        notes.append("no cheapest setting: fewer than two groups of items on either side of the held-out split")
    return tuple(notes)
