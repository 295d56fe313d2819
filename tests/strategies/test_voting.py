"""The laws of voting."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from solving import PROBLEM, voted

from strategies.voting import Majority, Vote


def test_equal_answers_are_one_class_however_they_were_written() -> None:
    texts = ["The answer is 18", "The answer is 18.0", "The answer is $18.00", "The answer is 7", "The answer is 7"]
    answers = [found.answer for found in map(PROBLEM.kind.extract, texts) if found is not None]
    tally = Majority().tally(voted(*answers), "salt")
    assert tally.leader is not None
    assert (tally.leader.answer, tally.leader.votes) == (Fraction(18), 3)


def test_paths_without_an_answer_abstain() -> None:
    tally = Majority().tally(voted(None, None, None, 18, 18), "salt")
    assert tally.leader is not None
    assert tally.leader.answer == 18
    assert tally.abstained == 3


def test_no_answer_at_all_has_no_leader() -> None:
    tally = Majority().tally(voted(None, None), "salt")
    assert tally.leader is None
    assert tally.abstained == 2


def test_a_programs_float_and_a_written_number_vote_together() -> None:
    assert len(Majority().tally(voted(str(0.1 + 0.2), "0.3"), "salt").classes) == 1


def test_a_tie_is_recorded_and_favours_no_answer() -> None:
    """Over many problems each of two tied answers wins about half the time: 4 standard errors of 2,000 are 4.5 %."""
    tallies = [Majority().tally(voted(1, 2), f"0\x00problem {n}") for n in range(2000)]
    assert all(len(tally.tied) == 2 for tally in tallies)
    wins = sum(tally.classes[0].answer == 1 for tally in tallies)
    assert abs(wins / 2000 - 0.5) < 0.045


@given(st.lists(st.sampled_from([1, 2, 3, None]), max_size=12), st.randoms(use_true_random=False))
def test_the_winner_does_not_depend_on_the_order_of_paths(answers: list[int | None], rng: object) -> None:
    shuffled = list(answers)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = (Majority().tally(voted(*order), "salt") for order in (answers, shuffled))
    assert [(c.key, c.votes) for c in one.classes] == [(c.key, c.votes) for c in two.classes]
    assert one.tied == two.tied


def test_votes_are_read_by_name() -> None:
    assert Vote.of_config("majority") == Majority()
    assert Majority().config == {"majority": {}}
