"""Third parties add names by entry points; a broken one fails by name, and only when asked for."""

from importlib.metadata import EntryPoint

import pytest

import reasoning
from reasoning import plugins
from reasoning.errors import ConfigError, UnknownNameError

GROUP = "reasoning.backends"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        EntryPoint("fine", "collections:OrderedDict", GROUP),
        EntryPoint("broken", "no_such_module:Thing", GROUP),
    ]
    monkeypatch.setattr(plugins, "entry_points", lambda group: found)
    plugins._plugins.cache_clear()
    yield
    plugins._plugins.cache_clear()


@pytest.mark.usefixtures("installed")
def test_plug_ins_stand_beside_our_own() -> None:
    from collections import OrderedDict

    assert plugins.names(GROUP, {"own": "math:pi"}) == ["own", "broken", "fine"]
    assert plugins.load(GROUP, {}, "fine", "backend") is OrderedDict


@pytest.mark.usefixtures("installed")
def test_a_broken_plug_in_fails_by_name() -> None:
    with pytest.raises(ConfigError, match=r"'broken' \(no_such_module:Thing.*ModuleNotFoundError"):
        plugins.load(GROUP, {}, "broken", "backend")


def test_an_unknown_name_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown backend .opnai.\. Did you mean .openai.\? Known: .*local"):
        reasoning.open_backend("opnai/gpt")


def test_two_packages_with_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        plugins, "entry_points", lambda group: [EntryPoint("x", "a:b", group), EntryPoint("x", "c:d", group)]
    )
    plugins._plugins.cache_clear()
    try:
        with pytest.raises(ConfigError, match=r"Two installed packages both add 'x'"):
            plugins.names("some.group", {})
    finally:
        plugins._plugins.cache_clear()
