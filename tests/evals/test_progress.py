"""Progress in plain lines and live, and numbers as people read them."""

import io
import itertools
import sys

import pytest
from rich.console import Console
from rich.progress import Progress
from solving import scripted

import evals
from evals import progress, rendering
from evals.item import Item
from evals.live import Rows
from evals.stats import wilson
from evals.task import Task
from reasoning.completion import Completion
from reasoning.request import Request
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency


def task(count: int = 4) -> Task:
    return Task.of("sums", [Item.of(f"s{i}", f"What is {i} + 2?", str(i + 2)) for i in range(count)])


def cut_or_three(request: Request, index: int) -> str | Completion:
    if "What is 0" in request.messages[-1].content:
        return Completion(index=0, text="cut", finish="length")
    return "The answer is 3."


def test_plain_lines_tell_start_and_end() -> None:
    stream = io.StringIO()
    evals.evaluate(task(), Direct(), scripted(cut_or_three), out=None, on_event=progress.Lines(stream, lambda: 0.0))
    first, last = stream.getvalue().splitlines()
    assert first == "sums · direct · scripted/script: 4 to do"
    assert last == "sums · direct · scripted/script: 4/4, 25.0 ± 32.7, lost 1 truncated, complete"


def test_plain_lines_come_while_a_run_goes_on() -> None:
    ticks = itertools.count(step=3)
    lines = progress.Lines(stream := io.StringIO(), lambda: next(ticks))
    evals.evaluate(task(30), Direct(), scripted(lambda r, i: "3"), out=None, on_event=lines)
    between = stream.getvalue().splitlines()[1:-1]
    assert between
    assert all("/30, " in line and " left" in line and " tok/s" in line for line in between)


def test_draws_are_told_before_the_first_problem_is_done() -> None:
    now = 0.0

    def slow(request: Request, index: int) -> str:
        nonlocal now
        now += 2
        return "The answer is 3."

    lines = progress.Lines(stream := io.StringIO(), lambda: now)
    strategy = SelfConsistency(of=Direct(), samples=5)
    evals.evaluate(task(1), strategy, scripted(slow, max_samples=1), out=None, on_event=lines)
    title = "sums · self-consistency · scripted/script"
    assert stream.getvalue().splitlines()[1] == f"{title}: 0/1, 1 draw, 4 tokens, 2 tok/s, – left"


def test_the_live_display_has_a_row_for_each_run_with_its_figures() -> None:
    with Progress(console=Console(file=io.StringIO()), auto_refresh=False) as shown:
        rows = Rows(shown, lambda: 0.0)
        for strategy in (Direct(), SelfConsistency(of=Direct(), samples=3)):
            evals.evaluate(task(), strategy, scripted(cut_or_three), out=None, on_event=rows)
        first, second = shown.tasks
    assert (first.completed, first.total, first.finished) == (4, 4, True)
    assert first.fields["figures"].startswith("25.0 ± 32.7")
    assert first.fields["figures"].endswith("lost 1 truncated")
    assert second.fields["figures"].endswith("lost 3 truncated")
    assert second.description == "sums · self-consistency · scripted/script"


def test_without_a_terminal_there_are_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress.display() as shown:
        assert isinstance(shown, progress.Lines)


def test_on_a_terminal_there_is_a_live_display(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    with progress.display() as shown:
        assert isinstance(shown, Rows)
        evals.evaluate(task(), Direct(), scripted(cut_or_three), out=None, on_event=shown)
    assert "sums · direct · scripted/script" in sys.stderr.getvalue()  # type: ignore[attr-defined]
    monkeypatch.setenv("TERM", "dumb")
    with progress.display() as shown:
        assert isinstance(shown, progress.Lines)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (950, "950"),
        (999.4, "999"),
        (999.6, "1.0k"),
        (12345, "12.3k"),
        (99960, "100k"),
        (999_400, "999k"),
        (999_600, "1.0M"),
        (4.1e6, "4.1M"),
        (2e9, "2.0G"),
    ],
)
def test_counts(number: float, text: str) -> None:
    assert rendering.count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "–"), (512 << 20, "512 MiB"), ((1 << 30) - 1, "1.0 GiB"), (3 << 29, "1.5 GiB")],
)
def test_sizes(number: int | None, text: str) -> None:
    assert rendering.size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0042, "0.0042 s"),
        (0.42, "0.42 s"),
        (3.04, "3.0 s"),
        (12.2, "12 s"),
        (59.6, "1:00"),
        (185, "3:05"),
        (7385, "2:03:05"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert rendering.duration(seconds) == text


@pytest.mark.parametrize(("dollars", "text"), [(None, "–"), (0, "$0.00"), (0.0042, "$0.0042"), (1234.5, "$1,234.50")])
def test_money(dollars: float | None, text: str) -> None:
    assert rendering.money(dollars) == text


def test_accuracies_causes_and_tables() -> None:
    assert rendering.accuracy(0.875, wilson(21, 24)) == "87.5 [69.0, 95.7]"
    assert rendering.causes({"truncated": 1, "program_failed": 3, "failed": 0}) == "3 program failed, 1 truncated"
    assert rendering.causes({}) == "–"
    assert rendering.table(("a", "n"), [["x", "1"], ["longer", "12"]], (1,)) == (
        "a        n\n──────  ──\nx        1\nlonger  12"
    )
    assert rendering.shortened("a  b\nc" * 9, 8) == "a b ca …"
