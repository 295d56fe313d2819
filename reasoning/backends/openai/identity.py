"""What makes two models behind a server the same for the store: all that can change a text, and no secret."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from reasoning.backends.openai.options import Endpoint, OpenAIOptions
from reasoning.secret_names import is_secret_name

_WITHOUT_EFFECT = frozenset(
    {
        "api_key",
        "base_url",  # stated as the endpoint
        "context_tokens",
        "headers",  # stated with those of the environment
        "max_connections",
        "max_samples",
        "max_stop",
        "n",
        "organization",
        "project",
        "query",  # stated with the URL's
        "style",
        "thinks",  # requests differ by it, where they do
        "timeout_s",
        "userinfo",
    }
)
"""Options that change no text, or are stated otherwise. All others count: one that is added is not forgotten."""

_CREDENTIALS = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "key"),
        *("api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key"),
    }
)
"""Headers and query fields that say who asks, and not what: changing a key buys nothing again."""


def identity_of(model: str, options: OpenAIOptions, endpoint: Endpoint) -> dict[str, Any]:
    """The identity of a model on a server.

    Options are stated where they differ from their defaults. Headers and query may hold secrets under any name, so they
    are stated by their names and one hash; so is each value of `extra_body` whose name is that of a secret.
    """
    identity: dict[str, Any] = {"engine": "openai", "endpoint": endpoint.url, "model": model}
    for name, field in OpenAIOptions.model_fields.items():
        value = getattr(options, name)
        if name not in _WITHOUT_EFFECT and value != field.default:
            identity[name] = value
    if "extra_body" in identity:
        identity["extra_body"] = _without_secrets(options.extra_body, endpoint)
    headers = {name.lower(): value.get_secret_value() for name, value in endpoint.headers.items()}
    query = dict(parse_qsl(endpoint.query.get_secret_value(), keep_blank_values=True))
    for name, fields in (("headers", headers), ("query", query)):
        told = {key: value for key, value in sorted(fields.items()) if key.lower() not in _CREDENTIALS}
        if told:
            identity[name] = {"names": sorted(told), "hash": _hash(told, endpoint)}
    return identity


def _without_secrets(value: Any, endpoint: Endpoint, name: str = "") -> Any:
    if name and is_secret_name(name):
        return {"hash": _hash(value, endpoint)}
    if isinstance(value, Mapping):
        return {key: _without_secrets(inner, endpoint, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(inner, endpoint) for inner in value]
    if isinstance(value, str) and any(secret in value for secret in endpoint.secrets):
        return {"hash": _hash(value, endpoint)}
    return value


def _hash(value: Any, endpoint: Endpoint) -> str:
    """A hash that tells values apart, and takes its time, so that a short secret is not found by trying.

    The same everywhere, so that another machine finds the same draws.
    """
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.scrypt(text.encode(), salt=endpoint.url.encode(), n=2**14, r=8, p=1, dklen=16).hex()
