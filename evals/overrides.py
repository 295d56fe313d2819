"""Settings given as `key=value` on the command line, written into configurations."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from reasoning import plugins, yaml_text
from reasoning.errors import ConfigError, UnknownNameError
from strategies.named import Named
from strategies.strategy import Strategy


def pairs(given: Sequence[str], flag: str) -> dict[str, Any]:
    """`["a=1", "b=x"]` as `{"a": 1, "b": "x"}`; values are read as YAML, but dates as texts: no setting is a date.

    Raises:
        ConfigError: One of them is no `key=value`.
    """
    import yaml

    read: dict[str, Any] = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise ConfigError(f"{flag} takes key=value; got {text!r}.")
        try:
            read[key.strip()] = _undated(value) if value else ""
        except yaml.YAMLError as error:
            raise ConfigError(f"{flag} {text!r}: the value cannot be read as YAML; quote it.") from error
    return read


def _undated(text: str) -> Any:
    """YAML without its dates, at any depth."""
    with yaml_text.loader(text) as loader:
        loader.yaml_implicit_resolvers = {
            first: [one for one in known if one[0] != "tag:yaml.org,2002:timestamp"]
            for first, known in loader.yaml_implicit_resolvers.items()
        }
        node = yaml_text.node_of(loader)
        return None if node is None else loader.construct_document(node)


def overridden(name: str, fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A strategy's fields with changes by dotted name, e.g. `{"of.sampling.temperature": 0.7}`.

    What the dotted name passes through may be a plain name (`of: chain-of-thought`) or a mapping.

    Raises:
        UnknownNameError: There is no such strategy or field.
    """
    changed = dict(fields)
    for dotted, value in changes.items():
        _put(strategy_class(name), changed, dotted.split("."), value, dotted)
    return changed


def has_field(name: str, dotted: str) -> bool:
    """Whether a strategy has the first of a dotted name's fields."""
    return dotted.split(".")[0] in strategy_class(name).model_fields


def strategy_class(name: str) -> type[Named]:
    """The class of a strategy.

    Raises:
        UnknownNameError: There is no strategy of that name.
    """
    model: type[Named] = plugins.load(Strategy.group, Strategy.names, name, Strategy.what)
    return model


def _put(model: type[BaseModel] | None, fields: dict[str, Any], keys: Sequence[str], value: Any, dotted: str) -> None:
    key, rest = keys[0], keys[1:]
    if model is not None and key not in model.model_fields:
        what = model.name() if issubclass(model, Named) else dotted.rpartition(".")[0]
        raise UnknownNameError(f"field of {what}", key, sorted(model.model_fields))
    if not rest:
        fields[key] = value
        return
    default = model.model_fields[key].default if model is not None else None
    chosen = default.model_dump(mode="json", exclude_unset=True) if isinstance(default, Named) else default
    inner = fields.get(key, chosen)
    name = _name(inner)
    if name is not None:  # a strategy, vote or rule by its name: the dotted name goes on within its fields
        own = dict(inner[name] or {}) if isinstance(inner, Mapping) else {}
        _put(None, own, rest, value, dotted)
        fields[key] = {name: own}
        return
    if inner is not None and not isinstance(inner, Mapping | BaseModel):
        raise ConfigError(f"{dotted}: {key} is {inner!r} and has no fields.")
    below = dict(inner) if isinstance(inner, Mapping) else {}
    _put(type(inner) if isinstance(inner, BaseModel) else None, below, rest, value, dotted)
    fields[key] = below


def _name(value: Any) -> str | None:
    """The name in what stands for a strategy, vote or rule: `"direct"`, or `{"direct": {…}}`."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, fields),) = value.items()
        if isinstance(name, str) and (fields is None or isinstance(fields, Mapping)):
            return name
    return None
