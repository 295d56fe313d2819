"""The page as a file: alone, escaped, complete without its script."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

import evals
from evals.missed import CAUSES, misses
from evals.reporting.labels import keys, labels
from evals.reporting.packing import inflated
from evals.reporting.writing import report
from evals.run import Run
from evals.runlog import RunLog
from reasoning.errors import ConfigError, DataError


class Elements(HTMLParser):
    """All elements with their attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts.append(data)
        elif self.cdata_elem == "style":
            self.styles.append(data)
        else:
            self.texts.append(data)


@pytest.fixture(scope="module")
def elements(page: Path) -> Elements:
    return Elements(page.read_text(encoding="utf-8"))


def test_it_loads_nothing(elements: Elements) -> None:
    for tag, attributes in elements.found:
        assert tag not in {"iframe", "object", "embed", "img", "base", "audio", "video"}
        for name in ("src", "href", "action", "data"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/svg+xml,"))


def test_nothing_but_its_own_script_can_run(elements: Elements) -> None:
    policy = next(a["content"] for tag, a in elements.found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    runs = [a for tag, a in elements.found if tag == "script" and a.get("type") != "application/x-deflate"]
    assert runs == [{}]
    digest = base64.b64encode(
        hashlib.sha256(max(elements.scripts, key=lambda s: "DecompressionStream" in s).encode()).digest()
    )
    assert f"script-src 'sha256-{digest.decode()}'" in policy
    style = base64.b64encode(hashlib.sha256("".join(elements.styles).encode()).digest()).decode()
    assert f"style-src 'sha256-{style}'" in policy
    for _, attributes in elements.found:
        assert not any(name.startswith("on") or name == "style" for name in attributes)


def test_names_of_tasks_and_runs_are_text(elements: Elements) -> None:
    assert "sums </title><script>1</script>" in "".join(elements.texts)
    assert "<i>second</i>" in "".join(elements.texts)
    assert not {tag for tag, _ in elements.found} & {"i"}


def test_the_figures_are_there_without_the_script(elements: Elements, runs: list[Run]) -> None:
    told = " ".join("".join(elements.texts).split())
    for run in runs:
        assert f"{100 * run.accuracy:.1f}" in told
        assert f"[{100 * run.interval[0]:.1f}, {100 * run.interval[1]:.1f}]" in told  # type: ignore[index]
    assert f"{100 * runs[0].bounds[0]:.1f} to {100 * runs[0].bounds[1]:.1f}" in told
    assert evals.compare(runs[:2]).pairs[0].verdict in told


def test_every_miss_has_a_cause(elements: Elements, runs: list[Run]) -> None:
    told = " ".join("".join(elements.texts).split())
    for run in runs:
        found = misses(run)
        for cause in CAUSES:
            if found.count(cause):
                assert f"{found.count(cause)} {cause} {100 * found.corrected(cause):.1f}" in told


def test_what_cannot_be_compared_is_shown_all_the_same(runs: list[Run], tmp_path: Path) -> None:
    told = Elements(report([runs[0], runs[0]], tmp_path / "twice.html").file.read_text(encoding="utf-8")).texts
    assert "No comparison. A run was named twice" in "".join(told)


def test_runs_stopped_before_their_first_result_are_shown(run_of: Callable[..., Run], tmp_path: Path) -> None:
    run = run_of("The answer is 7.")
    empty = Run(RunLog.in_memory(run.header.model_copy(update={"status": "stopped"})))
    told = " ".join(
        "".join(Elements(report([empty], tmp_path / "p.html").file.read_text(encoding="utf-8")).texts).split()
    )
    assert "stopped, 0 of 1 done" in told
    assert "0.0 to 100.0" in told


def test_the_index_has_every_problem_of_every_run(page: Path, runs: list[Run]) -> None:
    packed = re.search(r'id="index">([^<]*)<', page.read_text(encoding="utf-8"))
    assert packed is not None
    index = json.loads(inflated(packed[1]))
    assert [len(run["rows"]["item"]) for run in index["runs"]] == [run.done for run in runs]
    assert [task["name"] for task in index["tasks"]] == ["sums </title><script>1</script>", "other"]
    first = index["runs"][0]["rows"]
    place = index["tasks"][0]["ids"].index("sum-6")
    assert first["flags"][first["item"].index(place)] == 3, "lost, and without an answer"


def test_runs_are_named_by_what_tells_them_apart(runs: list[Run]) -> None:
    assert labels(runs) == ["self-consistency", "direct · <i>second</i>", "direct"]
    assert labels([runs[0]]) == ["self-consistency"]
    assert labels([runs[0], runs[0]]) == ["self-consistency", "self-consistency (2)"]
    assert len(set(keys([*runs, *runs]))) == 6


def test_it_stands_beside_the_run_unless_told_otherwise(runs: list[Run]) -> None:
    assert runs[2].folder is not None
    made = report([runs[2]])
    assert made.file == runs[2].folder.parent / "report.html"
    assert (made.replaced, made.runs, made.problems, made.bytes) == (False, 1, 1, made.file.stat().st_size)
    assert report([runs[2]]).replaced
    assert [left.name for left in made.file.parent.glob(".report*")] == []


def test_a_run_in_memory_needs_a_file(run_of: Callable[..., Run], tmp_path: Path) -> None:
    run = run_of("The answer is 7.")
    with pytest.raises(ConfigError, match="name a file"):
        report([run])
    assert report([run], tmp_path / "new" / "page.html").problems == 1


def test_no_runs_and_no_room_are_said(tmp_path: Path, runs: list[Run]) -> None:
    with pytest.raises(ConfigError, match="one run or more"):
        report([])
    with pytest.raises(ConfigError, match="one character"):
        report(runs, longest=0)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="name another file"):
        report(runs, tmp_path / "file" / "page.html")


def test_long_texts_are_cut_where_that_is_asked_for(run_of: Callable[..., Run], tmp_path: Path) -> None:
    run = run_of("word " * 40_000 + "The answer is 7.")
    whole, cut = (report([run], tmp_path / f"{n}.html", longest=n).bytes for n in (10**6, 100))
    assert cut < whole
    seen = []
    report([run], tmp_path / "told.html", on_problem=lambda told, done: seen.append((told.name, done)))
    assert seen == [(run.name, 1)]
