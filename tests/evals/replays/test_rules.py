"""Votes and stopping rules by name: each name gives the thing again, and what is none is refused."""

import pytest
from pools import RULES, VOTES

from evals.replays.curving import read_vote, vote_name
from evals.replays.rules import read_stop, stop_name
from reasoning.errors import ConfigError, UnknownNameError
from strategies.stopping import Adaptive, Fixed, Stop, Window
from strategies.voting import Vote


@pytest.mark.parametrize("stop", [None, *RULES])
def test_a_rules_name_gives_the_rule_again(stop: Stop | None) -> None:
    assert read_stop(stop_name(stop)) == stop


@pytest.mark.parametrize("vote", VOTES)
def test_a_votes_name_gives_the_vote_again(vote: Vote) -> None:
    assert read_vote(vote_name(vote)) == vote


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("adaptiv=0.9", ConfigError, "adaptiv has no one number"),
        ("windows", UnknownNameError, "Did you mean 'window'"),
        ("adaptive=2", ConfigError, "confidence"),
        ("fixed|window=5", ConfigError, "fixed=N"),
        ("either=3", ConfigError, "no one number"),
        ("{window: [}", ConfigError, "no YAML"),
        ("adaptive=[", ConfigError, "no number"),
    ],
)
def test_a_rule_that_is_none_is_refused(given: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read_stop(given)


def test_rules_that_read_alike_without_parentheses_have_names_of_their_own() -> None:
    window, adaptive, fixed = Window(size=5), Adaptive(), Fixed(samples=3)
    assert stop_name((window | adaptive) & fixed) == "(window=5|adaptive=0.95)&fixed=3"
    assert stop_name(window | adaptive & fixed) == "window=5|adaptive=0.95&fixed=3"
