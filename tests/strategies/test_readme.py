"""What the guides show runs, on the real embedded model, as it stands there."""

import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path as File
from typing import Any

import pytest
from solving import PROBLEM, scripted

from evals.suite import read_suite
from reasoning import plugins
from strategies.strategy import PathStrategy, Strategy

ROOT = File(__file__).parents[2]
GUIDES = ("README.md", "strategies/README.md")


def blocks(guide: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / guide).read_text(), re.MULTILINE | re.DOTALL)


def own_strategy(guide: str) -> str:
    """The lines of a guide's strategy of one's own: its class."""
    (block,) = (block for block in blocks(guide) if "(PathStrategy):" in block)
    start = block.index("class ")
    return block[start : block.index("\n\n\n", start)]


@pytest.mark.model
@pytest.mark.examples
@pytest.mark.parametrize("guide", ["strategies/README.md"])  # the README's own: tests/test_readme.py
def test_every_python_block_runs(guide: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In order and in one namespace, as a reader would try them."""
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks(guide)):
        exec(compile(block, f"{guide}, block {number}", "exec"), names)
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) >= len(blocks(guide)) - 1
    if "backend" in names:
        names["backend"].close()


@pytest.mark.parametrize("guide", GUIDES)
def test_a_strategy_of_ones_own_takes_fifteen_lines_at_most(guide: str) -> None:
    assert len(own_strategy(guide).splitlines()) <= 15


@pytest.fixture(params=GUIDES)
def own(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[PathStrategy]]:
    """The guide's class, as if an installed package offered it under the name `own`."""
    names: dict[str, Any] = {}
    imports = "from reasoning import Path, PathStrategy, Request, Sampling, draw\n"
    exec(imports + own_strategy(request.param), names)
    (found,) = (
        value
        for value in names.values()
        if isinstance(value, type) and issubclass(value, PathStrategy) and value is not PathStrategy
    )
    monkeypatch.setattr(EntryPoint, "load", lambda point: found)
    offered = [EntryPoint(found.name(), "my_package:Own", Strategy.group)]
    monkeypatch.setattr(plugins, "entry_points", lambda group: offered if group == Strategy.group else [])
    plugins._plugins.cache_clear()
    yield found
    plugins._plugins.cache_clear()


def test_it_is_known_by_its_name_once_a_package_offers_it(own: type[PathStrategy], tmp_path: File) -> None:
    assert own.name() in Strategy.known()
    file = tmp_path / "suite.yaml"
    vote = f"self-consistency: {{of: {own.name()}, samples: 5, stop: adaptive}}"
    file.write_text(f"tasks: [gsm8k]\nbackends: [local]\nstrategies:\n- {own.name()}\n- {vote}\n")
    plain, voted = read_suite(file).strategies
    assert Strategy.of_config({plain.name: plain.options}) == own()
    result = Strategy.of_config({voted.name: voted.options}).solve(PROBLEM, scripted(lambda r, i: "The answer is 4"))
    assert result.answer == 4
    assert len(result.paths) == 4
