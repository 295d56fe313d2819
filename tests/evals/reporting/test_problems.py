"""A record as the page shows it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from solving import scripted

import evals
from evals.item import Item
from evals.reporting.problems import Common, packed, shortened
from evals.run import Run
from evals.task import Task
from strategies.chain_of_thought import ChainOfThought


def texts(problem: dict[str, Any], common: Common) -> list[str]:
    """A problem's texts, put together as the page does it."""
    told: list[str] = []
    for row in problem["texts"]:
        pieces = [row] if isinstance(row, str) else row
        told.append("".join(p if isinstance(p, str) else common.texts[-1 - p] if p < 0 else told[p] for p in pieces))
    return told


def test_every_text_that_the_model_saw_and_wrote_is_there(runs: list[Run]) -> None:
    for run in runs:
        common = Common()
        for record in run.records:
            problem = packed(record, common, longest=10**7)
            told = texts(problem, common)
            assert told[0] == record.result.problem.question
            for path, shown in zip(record.result.paths, problem["paths"], strict=True):
                assert [draw["tokens"] for draw in shown["draws"]] == [
                    [c.usage.prompt_tokens, c.usage.completion_tokens] for c in path.completions
                ]
                for draw, shown_draw in zip(path.completions, shown["draws"], strict=True):
                    assert told[shown_draw["text"]] == draw.text
                    assert draw.request is not None
                    asked = problem["prompts"][shown_draw["prompt"]]
                    if draw.request.prompt is not None:
                        assert told[asked] == draw.request.prompt
                    else:
                        turns = [(turn.role, turn.content) for turn in draw.request.messages]
                        assert [(role, told[row]) for role, row in asked] == turns


def test_votes_name_their_paths(runs: list[Run]) -> None:
    problem = packed(runs[0]["sum-2"], Common())
    (winner, votes, weight, score), *rest = problem["classes"]
    assert votes == weight == sum(path.get("class") == 0 for path in problem["paths"])
    assert (winner, score) == ("4", 1.0)
    assert len(rest) == 1


def test_what_prompts_share_is_kept_once() -> None:
    task = Task.of("two", [Item.of(f"q{n}", f"How many? {n}", "7") for n in range(2)])
    strategy = ChainOfThought(shots="word-problems", style="text")
    run = evals.evaluate(task, strategy, scripted(lambda request, index: "The answer is 7."), out=None)
    common = Common()
    one, other = (packed(record, common) for record in run.records)
    (shared,) = common.texts
    for record, problem in zip(run.records, (one, other), strict=True):
        prompt = record.result.paths[0].completions[0].request
        assert prompt is not None
        assert prompt.prompt is not None
        assert prompt.prompt.startswith(shared)
        assert texts(problem, common)[problem["prompts"][0]] == prompt.prompt
        pieces = [piece for row in problem["texts"] for piece in ([row] if isinstance(row, str) else row)]
        assert -1 in pieces
        assert not [piece for piece in pieces if isinstance(piece, str) and shared in piece]


def test_a_long_text_keeps_its_beginning_and_end() -> None:
    text, span = shortened("abcdefghij" * 100, (995, 1000), 20)
    assert text == "abcdefghij\n[… 980 characters are left out …]\nabcdefghij"
    assert span is not None
    assert text[slice(*span)] == "fghij"


def test_a_span_that_is_left_out_is_gone() -> None:
    assert shortened("a" * 100, (40, 60), 20)[1] is None
    assert shortened("a" * 100, (8, 12), 20)[1] is None
    assert shortened("a" * 100, (2, 5), 20)[1] == (2, 5)


@given(st.text(max_size=80), st.text(min_size=1, max_size=10), st.text(max_size=80), st.integers(1, 200))
def test_spans_count_as_browsers_do(before: str, marked: str, after: str, longest: int) -> None:
    text, span = shortened(before + marked + after, (len(before), len(before) + len(marked)), longest)
    units = text.encode("utf-16-le", "surrogatepass")
    if span is not None:
        assert units[2 * span[0] : 2 * span[1]].decode("utf-16-le", "surrogatepass") == marked
    else:
        assert longest < len(before + marked + after)


def test_a_problem_without_any_path_is_shown(runs: list[Run]) -> None:
    lost = packed(runs[0]["sum-6"], Common())
    assert {path["status"] for path in lost["paths"]} == {"failed"}
    assert "answer" not in lost
    assert all("timeout: late" in path["reason"] for path in lost["paths"])
