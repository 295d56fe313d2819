"""Opens a backend by its spec: finds the driver, checks its options, puts the layers around it."""

import asyncio
import inspect
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, SecretStr, ValidationError

from reasoning import plugins
from reasoning.backends.backend import Backend, Idles, RemembersAnswers
from reasoning.backends.budgeted import Budgeted
from reasoning.backends.claimed import Claimed
from reasoning.backends.opened import OpenedBackend
from reasoning.backends.paced import Paced, shared_pacer
from reasoning.backends.pacer import REMOTE_CONCURRENCY, UNCAPPED, Pacer
from reasoning.backends.replicated import ReplicaOptions, Replicated
from reasoning.backends.retrying import Retrying, RetryPolicy
from reasoning.backends.stored import Stored, not_before
from reasoning.budget import Budget, Ledger, SpendLimit
from reasoning.draws import identity_text
from reasoning.errors import ConfigError, UnknownNameError
from reasoning.loop import home_loop
from reasoning.pricing import price_of
from reasoning.store import Store, place

GROUP = "reasoning.backends"
DRIVERS: Mapping[str, str] = {
    "openai": "reasoning.backends.openai:OpenAI",
    "vllm": "reasoning.backends.vllm:VLLM",
    "transformers": "reasoning.backends.transformers:Transformers",
    "llama-cpp": "reasoning.backends.llama_cpp.driver:LlamaCpp",
    "local": "reasoning.backends.llama_cpp.driver:Local",
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
        shown = "what was given" if _is_secret(model, first["loc"]) else repr(first.get("input"))
        raise ConfigError(f"The {what} {where!r} cannot be {shown}: {first['msg']}.") from error


def _is_secret(model: type[BaseModel], place: tuple[int | str, ...]) -> bool:
    """Whether an option holds credentials, which no message shows, not even one about a value that cannot be one."""
    field = model.model_fields.get(str(place[0])) if place else None
    return field is not None and SecretStr.__name__ in str(field.annotation)


def is_backend(thing: object) -> bool:
    """True for what has a Backend's shape."""
    return isinstance(thing, Backend) and inspect.iscoroutinefunction(type(thing).complete)


class LayerOptions(BaseModel):
    """How the layers around a driver behave; `open_backend` says what each option means."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    max_concurrency: PositiveInt | None = None
    requests_per_minute: PositiveInt | None = None
    tokens_per_minute: PositiveInt | None = None
    spend_limit: SpendLimit | Budget | None = None
    retry: RetryPolicy = RetryPolicy()
    fresh: bool = False
    max_age: float | None = Field(default=None, ge=0)


def open_backend(
    spec: str,
    *,
    store: str | Path | Store | None = None,
    max_concurrency: int | None = None,
    spend_limit: SpendLimit | Budget | Mapping[str, Any] | None = None,
    replicas: int | None = None,
    ray: str | None = None,
    gpus_per_replica: float | None = None,
    cpus_per_replica: float = 1.0,
    replicas_per_node: int | None = None,
    fresh: bool = False,
    max_age: float | None = None,
    requests_per_minute: int | None = None,
    tokens_per_minute: int | None = None,
    retry: RetryPolicy | Mapping[str, Any] | None = None,
    prices: str | Path | Mapping[str, Any] | None = None,
    **options: Any,
) -> OpenedBackend:
    """Opens the backend that a spec names, in the layers `Stored(Retrying(Paced(Budgeted(driver))))`.

    Args:
        spec: `"openai/<model>"`, `"vllm/<model or path>"`, `"transformers/<model or path>"`,
            `"llama-cpp/<file.gguf or hub repo>"`, `"local"` (the embedded model) or `"scripted/<name>"`; split on the
            first slash.
        store: The file in which draws are kept, which is made if there is none; None for the one that the environment
            variable `REASONING_STORE` names, if any, and "none" for none at all.
        max_concurrency: Most requests in flight, for all backends of one endpoint and key together; without it the
            engine's own number, or for a remote one 64.
        spend_limit: A hard limit on tokens, dollars or calls; one `Budget` may be shared by several backends.
        replicas: Copies of the engine, each in a worker of a Ray cluster; None or 1 for one in this process.
        ray: The cluster's address, `"HOST:PORT"` of its head node or `"auto"`; None for one that is started on this
            machine and ends with this process.
        gpus_per_replica: GPUs set aside for each; None for what the engine computes on where the cluster has any.
        cpus_per_replica: CPUs set aside for each.
        replicas_per_node: Most replicas on one node; None lets Ray spread them.
        fresh: True buys anew what was stored before now.
        max_age: Seconds after which a stored draw is bought anew.
        requests_per_minute: Most requests started in any minute, for the endpoint and key.
        tokens_per_minute: Most tokens in any minute, for the endpoint and key.
        retry: How often and how long to try again.
        prices: Prices by spec (`{"openai/gpt-4o-mini": {"input": 0.15, "output": 0.6}}`, US dollars for a million
            tokens) or a YAML or JSON file of them; without it `REASONING_PRICES`, then genai-prices.
        **options: The driver's options, checked by name.

    Raises:
        UnknownNameError: The prefix or an option is unknown.
        ConfigError: A value is out of range, or dollars are limited and the price is unknown.
        MissingPackageError: The driver's package is not installed; the message gives the install line.
        MissingKeyError: An API key is not set.
        StoreError: The store cannot be used; its file is untouched.
        BackendError: The engine does not start.
    """
    placed = _placed(
        {
            "replicas": replicas,
            "ray": ray,
            "gpus_per_replica": gpus_per_replica,
            "cpus_per_replica": cpus_per_replica,
            "replicas_per_node": replicas_per_node,
        }
    )
    given = {
        "max_concurrency": max_concurrency,
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "spend_limit": spend_limit,
        "retry": retry if retry is not None else RetryPolicy(),
        "fresh": fresh,
        "max_age": max_age,
    }
    layers: LayerOptions = check_options(LayerOptions, given, "backend option")
    driver, model, checked = resolve(spec, options)
    kept = _opened_store(store)
    engine: Backend | None = None
    try:
        engine = driver.open(model, checked) if placed is None else Replicated(spec, options, placed)
        return _layered(engine, kept, layers, prices)
    except BaseException:
        if engine is not None:
            _close(engine)
        if kept is not None:
            kept.close()
        raise


def _opened_store(given: str | Path | Store | None) -> Store | None:
    if isinstance(given, Store):
        return Store.open(given.path)
    path = place.named_path() if given is None else place.path_of(given)
    return None if path is None else Store.open(path)


def _close(engine: Backend) -> None:
    """Closes an engine that nobody will have; on a loop of its own, since this is called from sync and async code."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, engine.aclose())


def _placed(given: Mapping[str, Any]) -> ReplicaOptions | None:
    """Where replicas go; None for one engine in this process."""
    one = given["replicas"] is None
    placed: ReplicaOptions = check_options(ReplicaOptions, {**given, "replicas": 1} if one else given, "replica option")
    return placed if placed.replicas > 1 or placed.ray is not None else None


def _layered(
    driver: Backend, store: Store | None, options: LayerOptions, prices: str | Path | Mapping[str, Any] | None
) -> OpenedBackend:
    ledger, price = Ledger(), price_of(driver.spec, driver.identity, prices)
    limit = options.spend_limit
    budget = Budget(limit) if isinstance(limit, SpendLimit) else limit
    budgeted = Budgeted(driver, ledger, budget, price)
    if store is not None and isinstance(driver, RemembersAnswers) and store.served(identity_text(driver.identity)):
        driver.answered_before()
    moment = not_before(store, fresh=options.fresh, max_age=options.max_age)
    claimed = budgeted if store is None else Claimed(budgeted, store, moment)
    retrying = Retrying(Paced(claimed, _pacer(driver, options)), options.retry)
    stored = Stored(retrying, store, not_before=moment, ledger=ledger, price=price)
    return OpenedBackend(stored, ledger, price, fresh=options.fresh)


def _pacer(driver: Backend, options: LayerOptions) -> Pacer:
    """A remote endpoint's pacer is shared by all who use it with one key, and adapts; an engine of ours is steady."""
    endpoint = driver.identity.get("endpoint")
    concurrency = UNCAPPED if isinstance(driver, Idles) else driver.capabilities.concurrency
    pacer = Pacer(
        cap=options.max_concurrency,
        default_cap=max(concurrency, REMOTE_CONCURRENCY) if endpoint else concurrency,
        adaptive=endpoint is not None,
        requests_per_minute=options.requests_per_minute,
        tokens_per_minute=options.tokens_per_minute,
    )
    if endpoint is None:
        return pacer
    return shared_pacer(home_loop(), (endpoint, getattr(driver, "account", None)), pacer)
