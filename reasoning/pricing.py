"""What a model's tokens cost, in US dollars.

Prices come from a person's file, else from the package genai-prices (the extra `prices`). An unknown price is None,
never 0.
"""

import importlib
import os
from collections.abc import Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from reasoning import yaml_text
from reasoning.errors import ConfigError, DataError
from reasoning.usage import Usage

PRICES_VARIABLE = "REASONING_PRICES"


class Price(Protocol):
    """Prices the tokens of one request."""

    def cost(self, usage: Usage) -> float:
        """US dollars for a request's tokens; reasoning tokens are completion tokens, cached ones prompt tokens."""
        ...


class Rates(BaseModel):
    """A price that is the same for every token of a sort.

    Attributes:
        input: US dollars for a million prompt tokens.
        output: US dollars for a million completion tokens, reasoning tokens among them.
        cached: US dollars for a million prompt tokens that the server had cached; None means the same as `input`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    def cost(self, usage: Usage) -> float:
        """See `Price.cost`."""
        cached = self.input if self.cached is None else self.cached
        had = _cached(usage)
        fresh = usage.prompt_tokens - had
        return (fresh * self.input + had * cached + usage.completion_tokens * self.output) / 1e6


def _cached(usage: Usage) -> int:
    """The cached prompt tokens: no more than the prompt has, or a server's slip would make it cheap."""
    return min(usage.cached_tokens, usage.prompt_tokens)


Prices = Mapping[str, Rates]
"""Rates by spec, e.g. `openai/gpt-4o-mini`; a name may be a pattern such as `openai/my-*`."""


def load_prices(path: str | Path) -> Prices:
    """Reads a file of prices, YAML or JSON: `openai/gpt-4o-mini: {input: 0.15, output: 0.60, cached: 0.075}`.

    Raises:
        DataError: The file cannot be read, or a line of it is no price.
    """
    import yaml

    try:
        read = yaml_text.load(Path(path).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"The prices {path} cannot be read: {' '.join(str(error).split())}.") from error
    return check_prices(read, str(path))


def check_prices(prices: Any, source: str = "prices") -> Prices:
    """Rates by spec, from plain values.

    Raises:
        DataError: A value is no price; the message gives its place and what was expected.
    """
    try:
        return TypeAdapter(dict[str, Rates]).validate_python(prices)
    except ValidationError as error:
        first = error.errors()[0]
        where = " → ".join(str(part) for part in first["loc"]) or "the file as a whole"
        raise DataError(
            f"The prices {source} hold a wrong value at {where} ({first['msg']}); write for example "
            "openai/gpt-4o-mini: {input: 0.15, output: 0.60}, in US dollars for a million tokens."
        ) from error


def price_of(
    spec: str, identity: Mapping[str, Any], prices: "str | Path | Mapping[str, Any] | None" = None
) -> Price | None:
    """The price of a backend's model; None where it is not known.

    Args:
        spec: The backend's spec.
        identity: Its identity; a remote model's holds `endpoint` and `model`.
        prices: A person's prices or the file with them; not given, the file that `REASONING_PRICES` names, if any.
            The exact spec goes before patterns, and earlier patterns before later ones.

    Raises:
        DataError: The prices cannot be read.
    """
    named = prices if prices is not None else os.environ.get(PRICES_VARIABLE) or {}
    own = check_prices(named) if isinstance(named, Mapping) else load_prices(named)
    if spec in own:
        return own[spec]
    for pattern, rates in own.items():
        if fnmatchcase(spec, pattern):
            return rates
    endpoint, model = identity.get("endpoint"), identity.get("model")
    return _listed(model, endpoint) if isinstance(endpoint, str) and isinstance(model, str) else None


def demand_price(price: Price | None, spec: str) -> Price:
    """The price, where a limit in money needs one.

    Raises:
        ConfigError: It is not known.
    """
    if price is None:
        raise ConfigError(
            f"The price of {spec} is not known, so a limit in dollars cannot hold. Name it with prices={{{spec!r}: "
            f"{{'input': …, 'output': …}}}} or in the file that {PRICES_VARIABLE} names, install "
            "'reasoning-strategies[prices]', or limit tokens or calls instead."
        )
    return price


class _Listed:
    """A price with tiers, hours or a fee for a request, as genai-prices lists it."""

    def __init__(self, genai: Any, info: Any, provider: Any) -> None:
        self._genai, self._info, self._provider = genai, info, provider

    def cost(self, usage: Usage) -> float:
        """See `Price.cost`; what took no tokens, such as a refused request, costs nothing."""
        if not usage.total_tokens:
            return 0.0
        return float(self._info.calc_price(_genai_usage(self._genai, usage), self._provider).total_price)


def _listed(model: str, endpoint: str) -> Price | None:
    """The price that genai-prices lists for a model at an endpoint."""
    try:
        genai = importlib.import_module("genai_prices")
    except ImportError:
        return None
    try:
        found = genai.calc_price(_genai_usage(genai, Usage()), model, provider_api_url=endpoint)
    except LookupError:
        return None
    if found.model.prices is not found.model_price or found.model_price.requests_kcount:
        return _Listed(genai, found.model, found.provider)
    rates = [getattr(found.model_price, name) for name in ("input_mtok", "output_mtok", "cache_read_mtok")]
    if not all(isinstance(rate, Decimal) for rate in rates[:2]) or not isinstance(rates[2], Decimal | None):
        return _Listed(genai, found.model, found.provider)
    return Rates(input=float(rates[0]), output=float(rates[1]), cached=None if rates[2] is None else float(rates[2]))


def _genai_usage(genai: Any, usage: Usage) -> Any:
    return genai.Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=_cached(usage),
    )
