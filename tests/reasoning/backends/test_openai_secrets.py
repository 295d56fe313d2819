"""Keys and credentials in URLs appear nowhere: not in specs, identities, options, messages, tracebacks or logs."""

import asyncio
import hashlib
import json
import logging
import traceback
from typing import Any

import pytest
from fault_client import FaultServer

import reasoning
from reasoning.backends.openai import OpenAI, OpenAIOptions
from reasoning.draws import identity_text
from reasoning.errors import ConfigError, MissingKeyError, RunStopped
from reasoning.message import user
from reasoning.request import Request

KEY, PASSWORD, QUERY, HEADER = "sk-proj-KeyKeyKey123", "pass/Word+456", "QueryQuery789", "HeaderHeader0"
SECRETS = (KEY, PASSWORD, QUERY, HEADER, "pass%2FWord%2B456", "KeyKeyKey")
REQUEST = Request(messages=(user("How many bolts?"),))


def options(server: FaultServer) -> dict[str, Any]:
    url = server.base_url.replace("http://", "http://someone:pass%2FWord%2B456@") + f"?api-key={QUERY}"
    return {"base_url": url, "api_key": KEY, "headers": {"X-Auth": HEADER}}


def leaks(*texts: object) -> list[str]:
    return [secret for secret in SECRETS for text in texts if secret in str(text)]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 401, "message": f"Incorrect API key provided: {KEY}."},
        {"kind": "status", "status": 400, "message": f"Bearer {KEY} ?api-key={QUERY} {HEADER} {PASSWORD}"},
        {"kind": "status", "status": 500, "message": f"{KEY} pass%2FWord%2B456 {HEADER}"},
        {"kind": "status", "status": 401, "message": "Incorrect API key provided: sk-proj-********************y123."},
        {"kind": "malformed", "body": f"<html>{KEY} {QUERY}</html>"},
        {"kind": "reset"},
        {"kind": "hang"},
    ],
)
def test_nothing_that_is_shown_holds_a_secret(
    fault_server: FaultServer, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    fault_server.configure(faults=[fault])
    caplog.set_level(logging.DEBUG)
    given = OpenAIOptions(**options(fault_server), timeout_s=0.5)
    shown: list[object] = [repr(given), given.model_dump(), given.model_dump_json(), given.model_dump(mode="json")]

    async def drawn() -> None:
        backend = OpenAI.open("m", given)
        shown.extend([repr(backend), backend.spec, backend.identity, backend.account, repr(backend._endpoint)])
        try:
            shown.append(await backend.complete(REQUEST, [0, 1]))
        except RunStopped as error:
            shown.extend([str(error), traceback.format_exc(), "".join(traceback.TracebackException.from_exception(
                error, capture_locals=True).format())])  # fmt: skip
        finally:
            await backend.aclose()

    asyncio.run(drawn())
    assert fault_server.requests()[0]["path"].endswith(f"?api-key={QUERY}")
    assert fault_server.requests()[0]["headers"]["x-auth"] == HEADER
    assert leaks(*shown) == []
    assert caplog.records
    assert leaks(caplog.text, *(record.__dict__ for record in caplog.records)) == []
    assert "***y123" not in str(shown)


def test_no_secret_is_part_of_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a plain hash of one, by which a short one could be found."""
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-tenant: TenantTenant")

    def identity(password: str) -> str:
        body = {
            "password": password,
            "auth": {"api_key": "4711"},
            "user": f"key {KEY}",
            "max_tokens_hint": 5,
            "top_a": 1,
        }
        given = OpenAIOptions(base_url="http://127.0.0.1:9/v1", api_key=KEY, headers={"X-Pin": "0815"}, extra_body=body)
        return identity_text(OpenAI.open("m", given).identity)

    one, other = identity("1234"), identity("1235")
    assert one != other
    assert [secret for secret in ("1234", "4711", "0815", "TenantTenant", KEY) if secret in one] == []
    assert "max_tokens_hint" in one
    assert '"top_a":1' in one
    assert hashlib.sha256(b"1234").hexdigest()[:32] not in one


@pytest.mark.parametrize(
    ("userinfo", "expected"),
    [
        ("someone:pass%2FWord%2B456", "Basic c29tZW9uZTpwYXNzL1dvcmQrNDU2"),
        ("someone", "Basic c29tZW9uZTo="),  # "someone:"
    ],
)
def test_user_and_password_of_a_url_are_sent(fault_server: FaultServer, userinfo: str, expected: str) -> None:
    url = fault_server.base_url.replace("http://", f"http://{userinfo}@")

    async def drawn() -> None:
        backend = OpenAI.open("m", OpenAIOptions(base_url=url))
        await backend.complete(REQUEST, [0])
        await backend.aclose()

    asyncio.run(drawn())
    assert fault_server.requests()[0]["headers"]["authorization"] == expected


def test_accounts_tell_keys_apart_without_showing_them(fault_server: FaultServer) -> None:
    def account(key: str | None) -> str | None:
        return OpenAI.open("m", OpenAIOptions(base_url=fault_server.base_url, api_key=key)).account

    assert account("key-one") == account("key-one") != account("key-two")
    assert account(None) is None


def test_a_missing_key_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
        reasoning.open_backend("openai/gpt-4o-mini")
    with pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
        reasoning.open_backend("openai/gpt-4o-mini", api_key="  ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": f"ftp://someone:{KEY}@example.com"},
        {"base_url": f"example.com?key={KEY}"},
        {"base_url": f"http://someone:{KEY}@example.com:notaport"},
        {"base_url": "http://example.com", "api_key": f"{KEY}\x07"},
        {"base_url": "http://example.com", "api_key": f"{KEY}…"},
        {"base_url": "http://example.com", "headers": {"X-Auth": f"{KEY}\ninjected: 1"}},
        {"base_url": "http://example.com", "api_key": [KEY]},
        {"base_url": "http://example.com", "headers": f"Authorization: Bearer {KEY}"},
        {"base_url": "http://example.com", "headers": {"X-Auth": [KEY]}},
        {"base_url": "http://example.com", "query": {"api-key": KEY}},
        {"base_url": "http://example.com", "api_key": KEY, "timeout_s": 0},
        {"base_url": "http://example.com", "api_key": KEY, "api": "telepathy"},
    ],
)
def test_wrong_options_are_told_without_the_secret(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        reasoning.open_backend("openai/m", **wrong)
    assert leaks(caught.value, "".join(traceback.format_exception(caught.value))) == []


def test_a_key_of_digits_is_read_as_text(fault_server: FaultServer) -> None:
    given = OpenAIOptions.model_validate({"base_url": fault_server.base_url, "api_key": 12345678})
    assert given.api_key is not None
    assert given.api_key.get_secret_value() == "12345678"
    assert "12345678" not in json.dumps(given.model_dump(mode="json"))
