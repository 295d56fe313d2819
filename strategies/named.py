"""Configuration that is written by name: `{self-consistency: {of: {direct: {}}}}`.

Strategies, votes and stopping rules are frozen models; a field that holds one accepts the object, its plain name, or
a mapping of its name to its fields, and is written back as that mapping, so that a configuration in YAML, on the
command line, in a run log and in an identity is one and the same.
"""

import re
from abc import ABC
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer

from reasoning import plugins
from reasoning.errors import ConfigError, UnknownNameError


class Named(BaseModel, ABC):
    """A frozen model known by the kebab-case form of its class name.

    Class attributes:
        what: The sort of thing, for messages, e.g. `"strategy"`.
        group: The entry-point group of its family.
        names: The family's own names, each with its `"module:attribute"`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: ClassVar[str] = "configuration"
    group: ClassVar[str] = ""
    names: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def name(cls) -> str:
        """The name in configuration: `SelfConsistency` is `self-consistency`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    def known(cls) -> list[str]:
        """All names of the family, plug-ins' among them."""
        return plugins.names(cls.group, cls.names)

    @classmethod
    def of_config(cls, value: Any) -> Self:
        """Reads one of the family from the object itself, its name, or a mapping of its name to its fields.

        Raises:
            UnknownNameError: No such name or field; the message lists the known ones and the nearest.
            ConfigError: A field's value is out of its range.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            value = {value: {}}
        if not isinstance(value, Mapping) or len(value) != 1:
            raise ConfigError(f"A {cls.what} is written as its name, or as {{name: {{field: value}}}}; got {value!r}.")
        ((name, fields),) = value.items()
        found = plugins.load(cls.group, cls.names, str(name), cls.what)
        if not (isinstance(found, type) and issubclass(found, cls)):
            raise ConfigError(f"{name!r} is no {cls.what}.")
        if not isinstance(fields, Mapping | None):
            raise ConfigError(f"The {cls.what} {name} is written as {{{name}: {{field: value}}}}; got {fields!r}.")
        return found.with_fields(fields or {})

    @classmethod
    def with_fields(cls, fields: Mapping[str, Any]) -> Self:
        """This class with the given fields, checked by name and value in one clear sentence."""
        for field in fields:
            if field not in cls.model_fields:
                raise UnknownNameError(f"field of {cls.name()}", str(field), sorted(cls.model_fields))
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "its fields"
            raise ConfigError(f"{cls.name()}: {where}: {first['msg'].removeprefix('Value error, ')}.") from error

    @property
    def config(self) -> dict[str, Any]:
        """The configuration as plain JSON values, every field stated: `{name: {field: value}}`."""
        return self.model_dump(mode="json")

    @model_serializer(mode="wrap")
    def _by_name(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {type(self).name(): fields(self)}
