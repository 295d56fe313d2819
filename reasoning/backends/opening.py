"""Opens a backend by its spec: finds the driver, checks its options, puts the layers around it."""

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from reasoning import plugins
from reasoning.backends.backend import Backend
from reasoning.backends.opened import OpenedBackend
from reasoning.errors import ConfigError, UnknownNameError

GROUP = "reasoning.backends"
DRIVERS: Mapping[str, str] = {
    "openai": "reasoning.backends.openai:OpenAI",
    "vllm": "reasoning.backends.vllm:VLLM",
    "transformers": "reasoning.backends.transformers:Transformers",
    "llama-cpp": "reasoning.backends.llama_cpp:LlamaCpp",
    "local": "reasoning.backends.llama_cpp:Local",
    "scripted": "reasoning.backends.scripted:Scripted",
}
"""Each prefix of a spec with its driver; a driver is imported when it is asked for."""


class Driver(Protocol):
    """What a driver class has besides being a Backend: named options, and a way to open it."""

    Options: type[BaseModel]

    @classmethod
    def open(cls, model: str, options: Any) -> Backend: ...


def driver_names() -> list[str]:
    """The known prefixes of specs, plug-ins' among them."""
    return plugins.names(GROUP, DRIVERS)


def resolve(spec: str, options: Mapping[str, Any]) -> tuple[type[Driver], str, BaseModel]:
    """The driver, model name and checked options of a spec; opens nothing.

    Raises:
        UnknownNameError: The prefix or an option is unknown.
        ConfigError: The model is missing, or an option's value is out of range.
    """
    prefix, _, model = spec.partition("/")
    driver: type[Driver] = plugins.load(GROUP, DRIVERS, prefix, "backend")
    if not model and "default_model" in vars(driver):
        model = vars(driver)["default_model"]
    if not model:
        raise ConfigError(f"The backend spec {spec!r} names no model; write {prefix}/<model>.")
    return driver, model, check_options(driver.Options, options, f"{prefix} option")


def check_options(model: type[BaseModel], values: Mapping[str, Any], what: str) -> Any:
    """Validates options by name, in one clear sentence.

    Raises:
        UnknownNameError: No such option; the message lists the known ones and the nearest.
        ConfigError: A value cannot be read, or is out of range.
    """
    for name in values:
        if name not in model.model_fields:
            raise UnknownNameError(what, name, sorted(model.model_fields))
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or what
        raise ConfigError(f"The {what} {where!r} cannot be {first.get('input')!r}: {first['msg']}.") from error


def is_backend(thing: object) -> bool:
    """True for what has a Backend's shape."""
    return isinstance(thing, Backend) and inspect.iscoroutinefunction(type(thing).complete)


def open_backend(
    spec: str,
    *,
    max_concurrency: int | None = None,
    **options: Any,
) -> OpenedBackend:
    """Opens the backend that a spec names.

    Args:
        spec: `"openai/<model>"`, `"vllm/<model or path>"`, `"transformers/<model or path>"`,
            `"llama-cpp/<file.gguf or hub repo>"`, `"local"` (the embedded model) or `"scripted/<name>"`; split on the
            first slash.
        max_concurrency: Most requests in flight.
        **options: The driver's options, checked by name.

    Raises:
        UnknownNameError: The prefix or an option is unknown.
        ConfigError: A value is out of range.
        MissingPackageError: The driver's package is not installed; the message gives the install line.
        MissingKeyError: An API key is not set.
        BackendError: The engine does not start.
    """
    driver, model, checked = resolve(spec, options)
    return OpenedBackend(driver.open(model, checked))
