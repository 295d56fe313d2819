"""A result shows at a glance how its answer came about, and shows no markup of a model's making."""

import io

from rich.console import Console
from solving import PROBLEM, scripted

from reasoning.problem import Problem
from strategies.direct import Direct
from strategies.result import Result
from strategies.self_consistency import SelfConsistency

HOSTILE = "<script>alert(1)</script> [red]boo[/red] The answer is 7"


def voted_on(*texts: str, problem: Problem = PROBLEM) -> Result:
    backend = scripted(lambda request, index: texts[index])
    return SelfConsistency(of=Direct(), samples=len(texts)).solve(problem, backend)


def test_str_is_the_answer_and_its_votes() -> None:
    assert str(voted_on("The answer is 7", "The answer is 7.0", "no idea")) == "7 (2 of 3 paths)"
    assert str(voted_on("no idea", "none")) == "no answer (the text holds no answer)"
    assert str(Direct().solve(PROBLEM, scripted(lambda request, index: "7"))) == "7"


def test_a_console_shows_tally_paths_and_notes() -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(voted_on("The answer is 7", HOSTILE, "The answer is 8", "hm"))
    shown = out.getvalue()
    assert "7 (2 of 4 paths)" in shown
    assert "all 4 samples drawn" in shown
    assert "1 without an answer" in shown
    assert "path 2: 8" in shown
    assert "[red]boo[/red]" in shown
    assert "no_answer (the text holds no answer)" in shown


def test_a_console_shows_formulas_as_they_were_written() -> None:
    out = io.StringIO()
    said = r"\[x = 7\] and \[/red] :smile: The answer is 7"
    Console(file=out, width=100).print(voted_on(said))
    assert said in out.getvalue()


def test_a_notebook_shows_the_place_that_was_read_and_escapes_the_rest() -> None:
    page = voted_on(HOSTILE, problem=PROBLEM.model_copy(update={"question": "<img src=x>"}))._repr_html_()
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "<mark>7</mark>" in page


def test_a_long_text_keeps_its_end() -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(voted_on("x " * 5000 + "The answer is 7"))
    assert len(out.getvalue()) < 1200
    assert "The answer is 7" in out.getvalue().replace("\n", " ").replace("  │ ", "")
