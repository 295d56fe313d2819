"""Exemplar sets: ours, a person's own, a package's. What the lint finds in them: `tests/evals/test_prompt_lint.py`."""

import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path as File

import pytest

from reasoning import plugins
from reasoning.errors import DataError, UnknownNameError
from strategies.chain_of_thought import ChainOfThought
from strategies.exemplars import FOLDER, GROUP, Exemplar, ExemplarSet, exemplar_set, set_names

OURS = [(name, exemplar) for name in set_names() for exemplar in exemplar_set(name).exemplars]


def test_there_are_sets_for_word_problems_arithmetic_and_equations() -> None:
    assert {"word-problems", "arithmetic", "symbolic"} <= set(set_names())


@pytest.mark.parametrize(("name", "exemplar"), OURS)
def test_every_reasoning_arrives_at_its_answer(name: str, exemplar: Exemplar) -> None:
    kind = exemplar_set(name).kind
    last_number = kind.extract(f"{exemplar.reasoning} The answer is {exemplar.answer}.")
    assert last_number is not None
    assert kind.equal(last_number.answer, kind.parse(exemplar.answer))
    assert re.search(rf"(?<![\d.]){re.escape(exemplar.answer.lstrip('-'))}(?![\d])", exemplar.reasoning)


def test_a_set_of_ones_own_is_named_by_its_path(tmp_path: File) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\nexemplars:\n- {question: 1 + 1, reasoning: 1 + 1 = 2., program: ans = 2, answer: '2'}\n"
    )
    assert isinstance(exemplar_set(str(file)), ExemplarSet)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "no YAML"),
        ("name: x\n", "exemplars"),
        ("name: x\nexemplars:\n- {question: a}\n", "exemplars.0.reasoning"),
    ],
)
def test_a_broken_set_says_where(tmp_path: File, text: str, message: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        exemplar_set(str(file))


def test_a_set_in_another_encoding_says_so(tmp_path: File) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes("name: café".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8.*byte 9"):
        exemplar_set(str(file))


def test_a_missing_set_says_so(tmp_path: File) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        exemplar_set(str(tmp_path / "none.yaml"))


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that offers one set as an object, another as a file."""
    whole = exemplar_set("symbolic")
    there = {"theirs": whole, "their-file": FOLDER / "arithmetic.yaml"}
    points = [EntryPoint(name, f"theirs:{name}", GROUP) for name in there]
    monkeypatch.setattr(EntryPoint, "load", lambda point: there[point.name])
    monkeypatch.setattr(plugins, "entry_points", lambda group: points if group == GROUP else [])
    plugins._plugins.cache_clear()
    yield
    plugins._plugins.cache_clear()
    exemplar_set.cache_clear()


@pytest.mark.usefixtures("offered")
def test_a_packages_sets_are_known_by_their_names() -> None:
    assert set(set_names()) >= {"theirs", "their-file", "symbolic"}
    assert exemplar_set("theirs") == exemplar_set("symbolic")
    assert exemplar_set("their-file") == exemplar_set("arithmetic")
    assert len(ChainOfThought(shots="theirs").exemplars()) == len(exemplar_set("symbolic").exemplars)
    with pytest.raises(UnknownNameError, match="their-file"):
        exemplar_set("their-files")
