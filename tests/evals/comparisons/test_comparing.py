"""Comparisons: matched by id, the right figures, a verdict, and nothing averaged over that differs."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from scored import scored, task
from solving import scripted

import evals
from evals.comparisons.comparing import compare
from evals.comparisons.comparison import Pair
from evals.comparisons.matching import answer_key
from evals.statistics import paired
from reasoning.errors import ConfigError, DataError
from reasoning.request import Request
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency

A = [i % 2 == 0 for i in range(60)]
B = [i % 2 == 0 or i % 6 == 1 for i in range(60)]
"""B has 10 items more right, and none fewer."""


def pair_of(*runs: object, **more: object) -> Pair:
    (pair,) = compare(runs, **more).pairs  # type: ignore[arg-type]
    return pair


def test_two_runs_end_in_a_verdict() -> None:
    pair = pair_of(scored(A, name="a"), scored(B, name="b", words=40))
    assert (pair.a, pair.b, pair.items, pair.unmatched) == ("direct · a", "direct · b", 60, (0, 0))
    assert pair.difference == pytest.approx(1 / 6)
    assert pair.interval == paired.tango(10, 0, 60)
    assert (pair.p, pair.p_adjusted) == (paired.mcnemar(10, 0), pair.p)
    assert set(pair.flips.gained) == {f"sum-{i}" for i in range(60) if i % 6 == 1}
    assert pair.flips.dropped == ()
    assert pair.agreement == pytest.approx(5 / 6)
    assert pair.outcome == "better"
    low, high = 100 * pair.interval.low, 100 * pair.interval.high
    times = pair.sides[1].tokens / pair.sides[0].tokens
    assert times > 2
    assert pair.verdict == (
        f"direct · b is better by 16.7 points (95 % CI {low:.1f} to {high:.1f}), at {times:.2g} × the tokens"
    )


def test_the_winner_is_named_first_whichever_it_is() -> None:
    pair, turned = pair_of(scored(B, name="b"), scored(A, name="a")), pair_of(scored(A, name="a"), scored(B, name="b"))
    assert (pair.outcome, turned.outcome) == ("worse", "better")
    assert pair.verdict == turned.verdict
    assert pair.flips.dropped == turned.flips.gained


def test_what_cannot_be_told_says_what_it_would_take() -> None:
    nearly = [*A[:59], not A[59]]
    pair = pair_of(scored(A, name="a"), scored(nearly, name="b"))
    assert pair.outcome == "unclear"
    assert pair.needed is not None
    assert pair.needed > 60
    assert pair.verdict.startswith("cannot tell: direct · b − direct · a is 1.7 points (95 % CI ")
    assert pair.verdict.endswith(" items")
    assert "needs about " in pair.verdict


def test_the_items_at_hand_are_not_what_it_would_take() -> None:
    """Five flips of six items, all one way: by the formula five items would do, by McNemar's exact test six do not."""
    pair = pair_of(scored([False] * 6, name="a"), scored([True] * 5 + [False], name="b"))
    assert pair.outcome == "unclear"
    assert pair.verdict.endswith("a difference of that size needs more items")


def test_no_flips_are_no_certainty() -> None:
    pair = pair_of(scored(A, name="a"), scored(A, name="b"))
    assert (pair.difference, pair.p, len(pair.flips), pair.needed, pair.outcome) == (0, 1, 0, None, "unclear")
    assert pair.interval.high > 0.05
    assert pair.minimum_detectable > 0.05
    assert "60 items show differences from" in pair.verdict


def test_one_item_and_all_lost() -> None:
    assert pair_of(scored([True], name="a"), scored([False], name="b")).outcome == "unclear"
    lost = pair_of(scored([None] * 20, name="a"), scored([True] * 20, name="b"))
    assert (lost.sides[0].lost, lost.difference, lost.bounds) == (20, 1.0, (0.0, 1.0))
    assert lost.verdict.count("unless the lost problems decide otherwise") == 1
    both = pair_of(scored([None] * 20, name="a"), scored([None] * 20, name="b"))
    assert (both.difference, both.bounds, both.agreement) == (0.0, (-1.0, 1.0), 0.0)
    json.dumps([lost.to_json(), both.to_json()], allow_nan=False)


def test_lost_problems_count_0_with_the_bounds_beside() -> None:
    pair = pair_of(scored([True] * 9 + [None], name="a"), scored([True] * 8 + [False, None], name="b"))
    assert pair.difference == pytest.approx(-0.1)
    assert pair.bounds == pytest.approx((-0.2, 0.0))
    assert [side.lost for side in pair.sides] == [1, 1]


def test_only_items_that_both_have_are_compared() -> None:
    whole, part = scored(A, name="a"), scored(B, name="b", limit=25)
    pair = pair_of(whole, part)
    assert (pair.items, pair.unmatched) == (25, (35, 0))
    assert pair.sides[0].problems == pair.sides[1].problems == 25
    assert any("35 items of direct · a are not in direct · b" in note for note in pair.notes)
    assert any("limits differ: none and 25" in note for note in pair.notes)
    right = {f"sum-{i}" for i in range(60) if A[i]} & {id for id, _ in part.scores}
    assert pair.sides[0].accuracy == pytest.approx(len(right) / 25)


def test_what_differs_is_said() -> None:
    pair = pair_of(scored(A, name="a"), scored(B, name="b", seed=3))
    assert "their seeds differ: 0 and 3" in pair.notes


def test_items_with_another_gold_are_left_out() -> None:
    other = task(61, add=3)
    mixed = type(other).of("sums", [*list(task(60))[:50], *list(other)[50:]])
    pair = pair_of(scored(A, name="a"), scored(lambda i, _: i % 2 == 0, of=mixed, name="b"), labels=["A", "B"])
    assert (pair.items, pair.unmatched) == (50, (10, 11))
    assert any(note.startswith("10 items have another question or gold") for note in pair.notes)
    assert any(note.startswith("1 items of B") for note in pair.notes)


def test_other_tasks_and_strangers_are_refused(tmp_path: Path) -> None:
    run = scored(A, out=tmp_path, name="a")
    with pytest.raises(ConfigError, match=r"runs of sums and other; only runs of one task"):
        compare([run, scored(A, of=task(60, "other"))])
    with pytest.raises(ConfigError, match="no item in common"):
        compare([run, scored(lambda i, _: True, of=task(60, add=3), name="b")])
    with pytest.raises(ConfigError, match="named twice"):
        compare([run, tmp_path / "sums--direct--scripted-script--a"])
    with pytest.raises(ConfigError, match="two runs or more, not 1"):
        compare([run])
    with pytest.raises(ConfigError, match="different labels"):
        compare([run, scored(B, name="b")], labels=["x", "x"])
    with pytest.raises(DataError, match="no run's folder"):
        compare([run, tmp_path / "nothing"])


def test_repeats_are_averaged_within_items_first() -> None:
    """Four repeats against two: scores are fractional, McNemar has nothing to say."""
    first = scored(lambda i, index: (i + index) % 4 > 0, count=40, sampled=True, repeats=4, name="a")
    second = scored(lambda i, index: i % 4 > 1, count=40, sampled=True, repeats=2, name="b")
    pair = pair_of(first, second)
    assert pair.items == 40
    assert pair.difference == pytest.approx(second.accuracy - first.accuracy)
    assert pair.interval.method == "clustered bootstrap"
    assert [side.problems for side in pair.sides] == [160, 80]
    assert "their repeats differ: 4 and 2" in pair.notes
    assert pair.agreement is not None


def test_thirds_that_cancel_out_need_no_number_of_items() -> None:
    """Three repeats: items of one third against two, and of all against two. In floats their sum is not quite 0."""

    def marks(*of_item: Sequence[bool]) -> Callable[[int, int], bool]:
        return lambda item, index: of_item[item % 2][index // 65536]

    first, second = (
        scored(marks(*of_item), count=40, sampled=True, repeats=3, name=name)
        for name, of_item in (("a", ([1, 0, 0], [1, 1, 1])), ("b", ([1, 1, 0], [1, 1, 0])))
    )
    pair = pair_of(first, second)
    assert (pair.difference, pair.needed, len(pair.flips)) == (0.0, None, 40)
    assert "is 0.0 points" in pair.verdict


def test_groups_make_clusters() -> None:
    grouped = task(60, groups=5)
    pair = pair_of(
        scored(lambda i, _: i % 3 > 0, of=grouped, name="a"),
        scored(lambda i, _: i % 3 > 0 or i > 10, of=grouped, name="b"),
    )
    assert pair.clusters == 12
    assert pair.interval.method != "tango"


def test_the_exact_test_has_the_last_word() -> None:
    """Five flips, all one way: Tango's interval leaves 0 out, McNemar's exact p is 0.0625."""
    first = [True] * 60
    pair = pair_of(scored([i >= 5 for i in range(60)], name="a"), scored(first, name="b"))
    assert pair.interval.low > 0
    assert pair.outcome == "unclear"
    assert "while the test gives p = 0.062" in pair.verdict


def test_keys_are_read_as_records_have_them() -> None:
    """Votes of every sort: clear, split, tied, abstained."""

    def script(request: Request, index: int) -> str:
        text = request.prompt or " ".join(message.content for message in request.messages)
        item = int(re.findall(r"What is (\d+) \+ 2\?", text)[-1])
        return "I do not know." if (item + index) % 4 == 0 else f"The answer is {(item + index // 2) % 3}.0"

    run = evals.evaluate(task(30), SelfConsistency(of=Direct(), samples=6), scripted(script), out=None)
    known = {record.id: record.result.key for record in run.records}
    assert len(set(known.values())) > 2
    assert {line["id"]: answer_key(line) for line in run.lines()} == known


def test_many_pairs_are_adjusted_for() -> None:
    runs = [scored(A, name="a"), scored(B, name="b"), scored([not one for one in A], name="c")]
    found = compare(runs)
    assert [(pair.a[-1], pair.b[-1]) for pair in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    alone = pair_of(runs[0], runs[1])
    among = found.pairs[0]
    assert among.p == alone.p
    assert among.p_adjusted > alone.p_adjusted
    assert among.interval == paired.tango(10, 0, 60, 1 - 0.05 / 3)
    assert "simultaneous 95 % CI" in among.verdict
    assert str(found) == "\n".join(pair.verdict for pair in found.pairs)
    assert [len(compare(runs, against=choice).pairs) for choice in ("all", "first", "previous")] == [3, 2, 2]


def test_a_grown_run_is_looked_at_with_care(tmp_path: Path) -> None:
    scored(B, out=tmp_path, name="b", limit=20)
    grown = scored(B, out=tmp_path, name="b")
    pair = pair_of(scored(A, name="a"), grown)
    assert pair.grown
    assert pair.interval.method == "betting, always valid"
    assert pair.p > paired.mcnemar(10, 0)
    assert "however often one looked" in pair.verdict
    assert any("direct · b was grown (limit)" in note for note in pair.notes)


def test_nothing_is_concluded_where_the_files_order_was_grown(tmp_path: Path) -> None:
    right = [True] * 60
    scored(right, out=tmp_path, name="b", limit=20, order="source")
    grown = scored(right, out=tmp_path, name="b", order="source")
    pair = pair_of(scored([False] * 60, name="a"), grown)
    assert pair.outcome == "unclear"
    assert pair.verdict.endswith("items were added in the file's order, which may go with difficulty")
    assert any("file's order" in note for note in pair.notes)


def test_more_samples_after_a_look_are_said(tmp_path: Path) -> None:
    def run(samples: int, name: str) -> evals.Run:
        strategy = SelfConsistency(of=ChainOfThought(), samples=samples)
        return evals.evaluate(task(20), strategy, scripted(lambda *_: "The answer is 7."), out=tmp_path, name=name)

    run(3, "b")
    pair = pair_of(run(3, "a"), run(5, "b"))
    assert not pair.grown
    assert any("fewer samples before" in note for note in pair.notes)


def test_strategies_are_compared_on_the_very_same_draws() -> None:
    """A replay is a run: here of the first sample of five, which is wrong where the others are right."""

    def script(request: Request, index: int) -> str:
        text = request.prompt or " ".join(message.content for message in request.messages)
        item = int(re.findall(r"What is (\d+) \+ 2\?", text)[-1])
        return f"The answer is {item + 2 if index or item % 2 else item}."

    five = SelfConsistency(of=Direct(), samples=5)
    run = evals.evaluate(task(60), five, scripted(script), out=None)
    (one,) = evals.replay(run, strategies=[{"self-consistency": {"of": "direct", "samples": 1}}])
    pair = pair_of(one.run, run, labels=["one sample", "five"])
    assert (pair.items, pair.outcome, len(pair.flips.gained)) == (60, "better", 30)
    assert "five is better by 50.0 points" in pair.verdict
    assert pair.verdict.endswith("at 5 × the tokens")


def test_json_holds_what_is_promised(tmp_path: Path) -> None:
    runs = [scored(A, out=tmp_path, name="a"), scored(B, out=tmp_path, name="b")]
    told = json.loads(json.dumps(compare(runs).to_json(), allow_nan=False))
    (pair,) = told["pairs"]
    promised = {"a", "b", "items", "difference", "interval", "p", "flips", "minimum_detectable", "verdict"}
    assert promised <= set(pair)
    assert pair["sides"][0]["folder"] == str(tmp_path / "sums--direct--scripted-script--a")
    loaded = compare([tmp_path / "sums--direct--scripted-script--a", str(runs[1].folder)])
    assert loaded == compare(runs)
