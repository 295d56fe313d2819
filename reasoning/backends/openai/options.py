"""Options of `openai/<model>`, and the endpoint that they and the environment amount to."""

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)

from reasoning.backends.openai.budgets import Budgets
from reasoning.backends.openai.proxies import proxy_for
from reasoning.errors import ConfigError, MissingKeyError
from reasoning.thoughts import ThinkTags

OPENAI_URL = "https://api.openai.com/v1"
_DEFAULT_PORTS = {"https": 443, "http": 80}
_SHORTEST_CREDENTIAL, _LONGEST_WORD = 8, 16
_OPEN_HEADERS = frozenset(
    {
        *("accept", "anthropic-beta", "anthropic-version", "content-type", "http-referer", "openai-beta", "referer"),
        *("user-agent", "x-title"),
    }
)
"""Headers that hold no credential, and what a model may well write about."""

Secret = Annotated[SecretStr, BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)]
"""A text that is never shown; a number is read as text, since the message about it would show it."""


class OpenAIOptions(BaseModel):
    """Options of `openai/<model>`.

    Attributes:
        base_url: The server, e.g. `"http://localhost:8000/v1"`; else `OPENAI_BASE_URL`, else OpenAI itself. A user
            name, password or query in it is moved to `userinfo` and `query`, and shown nowhere. Requests go through
            the proxy that `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY` names, unless `NO_PROXY` has the server.
        api_key: Else `OPENAI_API_KEY`. Needed at OpenAI; other servers may do without.
        organization: Sent as `OpenAI-Organization`; else `OPENAI_ORG_ID`.
        project: Sent as `OpenAI-Project`; else `OPENAI_PROJECT_ID`.
        timeout_s: Seconds that one request may take, from its start to its last byte.
        identity: A person's own words for what the name does not say (weights, quantisation, a deployment); part of
            the model's identity, so that draws of different ones are kept apart.
        api: "chat" (Chat Completions; a plain text prompt becomes a user message), "completions" (plain text; a chat
            becomes one text) or "responses" (the Responses API: no seed, no stop, one sample a request). "auto" takes
            Chat Completions for chats and Completions for plain text, and the Responses API where `reasoning_summary`
            is asked for and, on OpenAI itself, for models that only it serves.
        style: The form that the model answers better, "chat" or "text"; "auto" is "chat" where there is a choice.
        n: "auto" asks for several samples in one request until the server refuses, and learns from that; "native"
            never learns: a refusal stops the run; "single" never asks.
        max_samples: Most samples in one request; else 128 at OpenAI (its limit), 16 elsewhere.
        max_stop: Most stop strings in one request; the text is cut here at the others. Else 4 at OpenAI (its limit).
        max_connections: Most requests in flight; more wait for their turn, and their timeout does not run.
        prefill: How the server is asked to go on from an assistant message that stands last: "no" (OpenAI cannot),
            "trailing" (it does so by itself: llama.cpp, SGLang) or "vllm" (`continue_final_message`).
        reasoning_model: Whether the model is one of those that take no temperature, top-p, stop or log-probabilities;
            else told from the name at OpenAI and Azure, and elsewhere False. What it says of thinking, `thinks` may say
            otherwise.
        thinks: Whether the model reasons by itself before it answers: it is then given room for its thoughts and no
            words that ask it to think. Else known from `reasoning_model`, from fields in `extra_body` that turn
            thinking on or off, or from a name that is certain (`o3`, `gpt-5-mini`, `deepseek-r1`, `…-thinking`). Where
            it is not known, a first reply that shows thoughts gives room from then on.
        reasoning_summary: Asks the Responses API for a summary of the hidden reasoning.
        think_tags: Moves thoughts that stand in a chat's answer to the reasoning text: `<think>…</think>`,
            `<thinking>`, `[THINK]`, gpt-oss's channels and their kin, opened, closed or both. A list names further
            tags: `plan` for `<plan>…</plan>`, or both with an ellipsis between them (`"<|plan|>…<|/plan|>"`).
        context_tokens: Prompt and completion tokens that fit together; a limit that does not fit is sent lower, on the
            record. Else a server that tells is asked before the first long limit, and a refusal is learnt from.
        thinking_budget: How the server takes `sampling.thinking_tokens`: "vllm" (`thinking_token_budget`), "sglang"
            (`custom_params`), "llama.cpp" (`thinking_budget_tokens`), "qwen" (`thinking_budget`), "anthropic"
            (`thinking.budget_tokens`), "gemini" (`thinking_config`), "openrouter" (`reasoning.max_tokens`) or "no".
            "auto" goes by the host, or by what the server tells of itself; where neither says, it is left out, on the
            record.
        extra_body: Further fields of each request's body (`{"chat_template_kwargs": {"enable_thinking": False}}`);
            part of the model's identity, values of secrets (`password`, `api_key`, …) by a hash.
        headers: Further headers, beside those that `OPENAI_CUSTOM_HEADERS` names; values are shown nowhere. Part of the
            model's identity by their names and a hash, but for those that only say who asks (`Authorization`,
            `api-key`, …).
        userinfo: `user:password` for HTTP basic authentication.
        query: The query added to every URL, e.g. `"api-version=preview"`; part of the identity as headers are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str | None = None
    api_key: Secret | None = None
    organization: str | None = None
    project: str | None = None
    timeout_s: PositiveFloat = 600.0
    identity: str = ""
    api: Literal["auto", "chat", "completions", "responses"] = "auto"
    style: Literal["auto", "chat", "text"] = "auto"
    n: Literal["auto", "native", "single"] = "auto"
    max_samples: PositiveInt | None = None
    max_stop: PositiveInt | None = None
    max_connections: PositiveInt = 512
    prefill: Literal["no", "trailing", "vllm"] = "no"
    reasoning_model: bool | None = None
    thinks: bool | None = None
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = None
    think_tags: ThinkTags = True
    context_tokens: PositiveInt | None = None
    thinking_budget: Budgets = "auto"
    extra_body: Mapping[str, Any] = Field(default={})
    headers: Mapping[str, Secret] = Field(default={})
    userinfo: Secret | None = None
    query: Secret | None = None

    @model_validator(mode="before")
    @classmethod
    def _credentials_apart(cls, values: Any) -> Any:
        """Moves credentials out of the URL, so that no dump or message of these options shows them."""
        if not isinstance(values, Mapping) or not isinstance(values.get("base_url"), str):
            return values
        url, userinfo, query = split_url(values["base_url"])
        found = {"userinfo": userinfo, "query": query}
        return {**values, "base_url": url, **{name: value for name, value in found.items() if value}}


@dataclass(frozen=True)
class Endpoint:
    """A server and how one is known to it.

    Attributes:
        url: Its base URL without credentials, as the model's identity has it.
        key: The API key, if any.
        headers: Further headers, credentials among them.
        query: Further query fields, credentials among them.
        secrets: Every text that must be shown nowhere in a message.
        credentials: Those among them that are hidden in a model's text, too: keys and passwords, and what no text holds
            by chance. A header's plain word (`team: math`), or a key that is one (`none`), stays in texts.
        proxy: The URL of the proxy that the environment names for it, credentials included; None for none.
    """

    url: str
    key: SecretStr | None
    headers: Mapping[str, SecretStr]
    query: SecretStr
    secrets: tuple[str, ...] = field(repr=False)
    credentials: tuple[str, ...] = field(repr=False)
    proxy: SecretStr | None = None

    @cached_property
    def official(self) -> bool:
        """True for OpenAI itself."""
        return _host(self.url) == "api.openai.com" or _host(self.url).endswith(".api.openai.com")

    @cached_property
    def openai_models(self) -> bool:
        """True where OpenAI's own models are served: OpenAI and Azure."""
        return self.official or _host(self.url).endswith((".openai.azure.com", ".services.ai.azure.com"))

    @property
    def account(self) -> str | None:
        """Tells keys apart without showing them: those who share one share its rate limits."""
        if not self.secrets:
            return None
        return hashlib.sha256("\n".join(self.secrets).encode()).hexdigest()[:16]

    @classmethod
    def of(cls, options: OpenAIOptions) -> "Endpoint":
        """The endpoint that options and environment name.

        Raises:
            ConfigError: The URL, the key, a header or the environment's proxy cannot be one.
            MissingKeyError: OpenAI itself is meant, and there is no key.
            MissingPackageError: The environment's proxy is a SOCKS proxy, and the package for that is missing.
        """
        if options.reasoning_summary and options.api not in ("auto", "responses"):
            raise ConfigError(f"reasoning_summary is of the Responses API; leave out api={options.api!r}.")
        given = options.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        url, userinfo, query = split_url(given)
        userinfo = userinfo or _plain(options.userinfo)
        key = _plain(options.api_key) or os.environ.get("OPENAI_API_KEY", "")
        given_headers = {**_environment_headers(), **options.headers}
        headers = {name: SecretStr(_header_value(value, name)) for name, value in given_headers.items()}
        if userinfo:
            headers = {"Authorization": SecretStr(_basic(userinfo)), **headers}
        secret = SecretStr(_header_value(SecretStr(key), "API key")) if key.strip() else None
        query = query or _plain(options.query)
        proxy = proxy_for(url)
        password = unquote(urlsplit(proxy or "").password or "")
        secrets = _secrets(secret, headers, userinfo, query, password)
        closed = {name: value for name, value in headers.items() if name.lower() not in _OPEN_HEADERS}
        credentials = tuple(filter(_is_no_word, _secrets(secret, closed, userinfo, query, password)))
        proxied = SecretStr(proxy) if proxy else None
        endpoint = cls(url, secret, headers, SecretStr(query), secrets, credentials, proxied)
        if secret is None and endpoint.official and not any(name.lower() == "authorization" for name in headers):
            raise MissingKeyError(
                "No API key for OpenAI: set the environment variable OPENAI_API_KEY or give api_key=…; "
                "for another server give base_url=… or set OPENAI_BASE_URL."
            )
        return endpoint


def _environment_headers() -> dict[str, SecretStr]:
    """The headers that `OPENAI_CUSTOM_HEADERS` names, a line each, as the client reads them."""
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip(): SecretStr(value.strip()) for name, _, value in pairs}


def split_url(url: str) -> tuple[str, str, str]:
    """A base URL in normal form without credentials, its `user:password`, and its query.

    Raises:
        ConfigError: It is no http(s) URL with a host.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in _DEFAULT_PORTS:
        raise ConfigError("The base_url must be an http(s) URL with a host, such as http://localhost:8000/v1.")
    host = f"[{host}]" if ":" in host else host
    where = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    userinfo = parts.netloc.rpartition("@")[0]
    return f"{parts.scheme}://{where}{parts.path.rstrip('/')}", unquote(userinfo), parts.query


def _secrets(
    key: SecretStr | None, headers: Mapping[str, SecretStr], userinfo: str, query: str, proxy_password: str
) -> tuple[str, ...]:
    """Credentials in each form in which a server could say them back; those of under 4 letters are none."""
    values = [_plain(secret) for secret in (key, *headers.values())]
    values += [value.partition(" ")[2] for value in values]  # "Bearer <key>"
    values += [userinfo, userinfo.partition(":")[2], *(value for _, value in parse_qsl(query)), proxy_password]
    values += [quote(value, safe="") for value in values]
    return tuple(dict.fromkeys(value for value in values if len(value) >= 4))


def _is_no_word(secret: str) -> bool:
    """Whether a text holds this only where it says it back: it is long, and no word of any language."""
    return len(secret) >= (_LONGEST_WORD if secret.isalpha() else _SHORTEST_CREDENTIAL)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""


def _basic(userinfo: str) -> str:
    pair = userinfo if ":" in userinfo else f"{userinfo}:"  # a user without a password (RFC 7617)
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _header_value(secret: SecretStr, name: str) -> str:
    value = secret.get_secret_value().strip()
    if not (value.isascii() and value.isprintable()):
        raise ConfigError(f"The {name} has characters that no HTTP header can carry; copy it anew.")
    return value
