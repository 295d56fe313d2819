"""What a command line asks for, as a suite: a suite's file, or one task with what the flags say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evals.cli.options import strategy_entry
from evals.overrides import has_field, overridden, strategy_class
from evals.settings import Settings
from evals.suite import Entry, Suite, read_suite, suite_file
from reasoning.backends.opening import check_options
from reasoning.budget import SpendLimit
from reasoning.errors import ConfigError, UnknownNameError

DEFAULT_BACKEND = "local"
DEFAULT_STRATEGY = "chain-of-thought"


def asked(
    target: str,
    *,
    backends: Sequence[str] = (),
    strategies: Sequence[str] = (),
    fields: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    roles: Mapping[str, str] | None = None,
    data: str | None = None,
    spend_limit: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    fresh: bool = False,
) -> tuple[Suite, Settings]:
    """The suite that a command line asks for, and the settings that go before all of its own.

    Raises:
        UsageError: A name, field, option or value is not as expected.
    """
    file = suite_file(target)
    if file is not None:
        suite = read_suite(file)
    else:
        suite = Suite((Entry(target),), (Entry(DEFAULT_STRATEGY),), (Entry(DEFAULT_BACKEND),))
    if strategies:
        given = [strategy_entry(text) for text in strategies]
        suite = replace(suite, strategies=tuple(Entry(name, own) for name, own in given))
    if backends:
        suite = replace(suite, backends=tuple(Entry(spec) for spec in backends))
    if data is not None:
        if len(suite.tasks) > 1:
            raise ConfigError(f"--data is a copy of one task's data, and {target} has {len(suite.tasks)} tasks.")
        suite = replace(suite, tasks=(replace(suite.tasks[0], data=data),))
    if roles:
        suite = replace(suite, roles={**suite.roles, **{role: Entry(spec) for role, spec in roles.items()}})
    if options:
        suite = replace(suite, backends=tuple(_with_options(entry, options) for entry in suite.backends))
    if fresh:
        anew = {"fresh": True}
        backends_anew = tuple(_with_options(entry, anew) for entry in suite.backends)
        roles_anew = {role: _with_options(entry, anew) for role, entry in suite.roles.items()}
        suite = replace(suite, backends=backends_anew, roles=roles_anew)
    if fields:
        suite = replace(suite, strategies=_with_fields(suite.strategies, fields))
    if spend_limit:
        limit = check_options(SpendLimit, spend_limit, "spend limit")
        suite = replace(suite, defaults=suite.defaults.model_copy(update={"spend_limit": limit}))
    told = {name: value for name, value in (settings or {}).items() if value is not None}
    return suite, check_options(Settings, told, "setting")


def _with_options(entry: Entry, options: Mapping[str, Any]) -> Entry:
    return replace(entry, options={**entry.options, **options})


def _with_fields(strategies: Sequence[Entry], fields: Mapping[str, Any]) -> tuple[Entry, ...]:
    """The strategies with fields changed, each where the strategy has it.

    Raises:
        UnknownNameError: No strategy has such a field.
    """
    for dotted in fields:
        if not any(has_field(entry.name, dotted) for entry in strategies):
            known = sorted({name for entry in strategies for name in strategy_class(entry.name).model_fields})
            names = ", ".join(dict.fromkeys(entry.name for entry in strategies))
            raise UnknownNameError(f"field of {names}", dotted.split(".")[0], known)
    changed = []
    for entry in strategies:
        own = {dotted: value for dotted, value in fields.items() if has_field(entry.name, dotted)}
        changed.append(replace(entry, options=overridden(entry.name, entry.options, own)))
    return tuple(changed)
