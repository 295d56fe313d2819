"""The JSON schema of suites, for editors: `docs/suite-schema.json`.

Names are checked by `evals.matrix`, which knows those of plug-ins; the schema knows this project's strategies with
their fields, and lets other names through.
"""

from typing import Any

from evals.overrides import strategy_class
from evals.settings import Defaults, Settings
from strategies.strategy import STRATEGIES


def suite_schema() -> dict[str, Any]:
    """The schema, in the dialect of 2020-12."""
    definitions: dict[str, Any] = {}
    settings = _properties(Settings, definitions)
    strategies = {name: _strategy(name, definitions) for name in STRATEGIES}
    text = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A suite: tasks × strategies × backends",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "name": text,
            "description": text,
            "extends": {
                "description": "Suites whose content stands under this one's; paths relative to this file.",
                "anyOf": [text, {"type": "array", "items": text}],
            },
            "defaults": {
                "type": "object",
                "additionalProperties": False,
                "properties": _properties(Defaults, definitions),
            },
            "tasks": _entries({}, {**settings, "data": {"type": "string", "description": "A local copy."}}),
            "strategies": _entries(strategies, settings),
            "backends": _entries({}, settings),
            "roles": {"type": "object", "additionalProperties": _entry({}, settings)},
        },
        "$defs": definitions,
    }


def _entries(known: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": _entry(known, settings)}


def _entry(known: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """A name, or a mapping of a name to its options with settings beside it."""
    return {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "minProperties": 1,
                "properties": {**settings, **known},
                "additionalProperties": {"type": ["object", "null"]},
            },
        ]
    }


def _strategy(name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    properties = _properties(strategy_class(name), definitions)
    return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def _properties(model: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(mode="validation")
    definitions.update({name: _named(name, found) for name, found in schema.pop("$defs", {}).items()})
    properties: dict[str, Any] = schema.get("properties", {})
    return {field: _field(found) for field, found in properties.items()}


def _named(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A strategy, vote or rule within a field is written by name; the model's own schema shows its fields alone."""
    return schema if "enum" in schema or name in _PLAIN else {"description": schema.get("description", "")}


_PLAIN = frozenset({"Sampling", "SpendLimit", "Limits"})


def _field(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "title"}


if __name__ == "__main__":
    import json

    print(json.dumps(suite_schema(), indent=1, ensure_ascii=False, sort_keys=True))
