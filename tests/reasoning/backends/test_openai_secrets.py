"""Keys and credentials in URLs appear nowhere: not in specs, identities, options, messages, tracebacks or logs."""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from fault_client import FaultServer

import reasoning
from reasoning.backends.openai import OpenAI, OpenAIOptions
from reasoning.draws import identity_text
from reasoning.errors import ConfigError, MissingKeyError, RunStopped
from reasoning.message import user
from reasoning.request import Request
from reasoning.sampling import Sampling

ROOT = Path(__file__).parents[3]
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


ECHO = f"Bearer {KEY} ?api-key={QUERY} {HEADER} {PASSWORD}"
SPELT = [ECHO[at : at + 3] for at in range(0, len(ECHO), 3)]


def echoing(text: str = ECHO) -> dict[str, Any]:
    """A chat's reply that says the request's headers back wherever a server can say something."""
    entries = [
        {"token": token, "logprob": -0.1, "top_logprobs": [{"token": token, "logprob": -0.1}]} for token in SPELT
    ]
    choice = {
        "index": 0,
        "finish_reason": f"stop {text}",
        "message": {"role": "assistant", "content": f"{text}. The answer is 7", "reasoning_content": f"Hm, {text}"},
        "logprobs": {"content": entries},
    }
    return {"id": text, "model": f"m {text}", "system_fingerprint": f"fp {text}", "choices": [choice], text: text}


@pytest.mark.parametrize("escaped", [False, True])
def test_what_a_server_says_back_is_hidden_in_texts_names_and_tokens(fault_server: FaultServer, escaped: bool) -> None:
    body = json.dumps(echoing())
    if escaped:  # each character as its number
        body = body.replace("Key", "\\u004bey").replace("Query", "\\u0051uery").replace("/", "\\/")
    fault_server.configure(faults=[{"kind": "reply", "status": 200, "headers": {"X-Echo": ECHO}, "body": body}])

    async def drawn() -> list[Any]:
        backend = OpenAI.open("m", OpenAIOptions(**options(fault_server)))
        asked = REQUEST.model_copy(update={"sampling": Sampling(logprobs=1)})
        try:
            return await backend.complete(asked, [0])
        finally:
            await backend.aclose()

    (completion,) = asyncio.run(drawn())
    assert completion.text.endswith("The answer is 7")
    assert completion.logprobs is not None
    assert leaks(repr(completion), completion.model_dump_json(), "".join(completion.logprobs.tokens)) == []
    assert "[hidden]" in completion.text


def test_a_plain_word_as_a_key_or_header_stays_in_texts(fault_server: FaultServer) -> None:
    """Local servers are given keys such as `none`: a text that holds the word is the model's own."""
    told = "There is none in production: application/json"
    fault_server.configure(faults=[{"kind": "reply", "status": 200, "body": json.dumps(echoing(told))}])
    headers = {"X-Team": "production", "Accept": "application/json"}

    async def drawn() -> list[Any]:
        backend = OpenAI.open("m", OpenAIOptions(base_url=fault_server.base_url, api_key="none", headers=headers))
        try:
            return await backend.complete(REQUEST, [0])
        finally:
            await backend.aclose()

    (completion,) = asyncio.run(drawn())
    assert completion.text == f"{told}. The answer is 7"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_key_goes_to_its_own_server_alone(fault_server: FaultServer, status: int) -> None:
    with contextlib.closing(FaultServer()) as other:
        to = {"Location": f"{other.base_url}/chat/completions?x={KEY}"}
        fault_server.configure(faults=[{"kind": "reply", "status": status, "headers": to, "body": "{}"}])

        async def drawn() -> None:
            backend = OpenAI.open("m", OpenAIOptions(**options(fault_server)))
            try:
                await backend.complete(REQUEST, [0])
            finally:
                await backend.aclose()

        with pytest.raises(RunStopped, match="sends requests on to http://127.0.0.1:[0-9]+, .*Set base_url") as stopped:
            asyncio.run(drawn())
        assert leaks(stopped.value) == []
        assert other.requests() == []


def test_a_redirect_within_a_server_is_followed(fault_server: FaultServer) -> None:
    here = {"kind": "reply", "status": 307, "headers": {"Location": "/v1/chat/completions"}, "body": "{}", "times": 1}
    fault_server.configure(faults=[here])

    async def drawn() -> list[Any]:
        backend = OpenAI.open("m", OpenAIOptions(**options(fault_server)))
        try:
            return await backend.complete(REQUEST, [0])
        finally:
            await backend.aclose()

    (completion,) = asyncio.run(drawn())
    assert completion.failure is None
    assert [request["headers"]["x-auth"] for request in fault_server.requests()] == [HEADER, HEADER]


def test_a_whole_run_leaves_no_secret_behind(fault_server: FaultServer, tmp_path: Path) -> None:
    """Keys, passwords, queries and the headers that the environment names, all said back in every reply."""
    good = {"kind": "reply", "status": 200, "headers": {"X-Echo": ECHO}, "body": json.dumps(echoing())}
    bad = {
        "kind": "reply",
        "status": 400,
        "headers": {"X-Echo": ECHO},
        "body": {"error": {"message": ECHO, "param": ECHO}},
    }
    fault_server.configure(faults=[{**bad, "match": "three"}, good])
    (tmp_path / "items.jsonl").write_text('{"q": "How many?", "a": 7}\n{"q": "And three?", "a": 8}\n')
    (tmp_path / "mine.yaml").write_text("name: mine\nsource: {jsonl: items.jsonl}\nquestion: q\ngold: a\n")
    given = options(fault_server)
    told = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "REASONING_"))}
    told |= {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": given["base_url"], "OPENAI_CUSTOM_HEADERS": f"X-Auth: {HEADER}"}
    said = []
    for command in (
        (
            "run",
            "mine.yaml",
            "-b",
            "openai/m",
            "-s",
            "direct",
            "--store",
            "draws.sqlite",
            "--out",
            "runs",
            "-vv",
            "--json",
        ),
        ("report", "runs", "-o", "page.html"),
        ("store", "export", "--store", "draws.sqlite"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "evals.cli.main", *command], cwd=tmp_path, env={**told, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=170,
        )  # fmt: skip
        said += [done.stdout, done.stderr]
        assert done.returncode in (0, 1), done.stderr
    assert fault_server.requests()[0]["headers"]["x-auth"] == HEADER
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"run.json", "results.jsonl", "page.html", "draws.sqlite"} <= {file.name for file in files}
    assert leaks(*said, *(file.read_bytes().decode(errors="replace") for file in files)) == []
