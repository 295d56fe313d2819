"""Proxies of the environment: who is reached through one, who is not, and what is said where one is no good."""

import asyncio
import base64
from collections.abc import Iterator

import pytest
from fault_client import FaultServer
from forward_proxy import ForwardProxy

from reasoning.backends.openai import OpenAI, OpenAIOptions
from reasoning.backends.openai.proxies import proxy_for, shown
from reasoning.completion import Completion
from reasoning.errors import ConfigError, MissingPackageError
from reasoning.message import user
from reasoning.request import Request

REQUEST = Request(messages=(user("How many bolts?"),))
DEAD = "http://127.0.0.1:9"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.fixture
def proxy() -> Iterator[ForwardProxy]:
    with ForwardProxy() as proxy:
        yield proxy


def draws(url: str, count: int = 1) -> list[Completion]:
    async def drawn() -> list[Completion]:
        backend = OpenAI.open("m", OpenAIOptions(base_url=url, n="single"))
        try:
            return await backend.complete(REQUEST, range(count))
        finally:
            await backend.aclose()

    return asyncio.run(drawn())


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_requests_go_through_the_proxy(
    environment: pytest.MonkeyPatch, fault_server: FaultServer, proxy: ForwardProxy, name: str
) -> None:
    environment.setenv(name, proxy.url.replace("://", "://me:sesame@"))
    found = draws(fault_server.base_url, 3)
    assert [one.failure for one in found] == [None] * 3
    assert proxy.seen == [f"POST {fault_server.base_url}/chat/completions"] * 3
    assert proxy.authorizations == ["Basic " + base64.b64encode(b"me:sesame").decode()] * 3


def test_servers_that_are_named_are_reached_directly(
    environment: pytest.MonkeyPatch, fault_server: FaultServer
) -> None:
    environment.setenv("HTTP_PROXY", DEAD)
    environment.setenv("NO_PROXY", "example.com, 127.0.0.0/8")
    assert draws(fault_server.base_url)[0].failure is None


def test_an_encrypted_server_is_reached_by_a_tunnel(environment: pytest.MonkeyPatch, proxy: ForwardProxy) -> None:
    environment.setenv("HTTPS_PROXY", proxy.url)
    [found] = draws("https://api.example.test/v1")
    assert proxy.seen == ["CONNECT api.example.test:443"]
    assert found.failure is not None
    assert found.failure.kind == "connection"


def test_a_proxy_that_is_down_is_named_without_its_password(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTP_PROXY", DEAD.replace("://", "://me:sesame@"))
    [found] = draws("http://127.0.0.1:8000/v1")
    assert found.failure is not None
    assert f"by the proxy {DEAD}" in found.failure.message
    assert "sesame" not in found.model_dump_json()


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("*", "http://a.example.com/v1", True),
        ("example.com", "http://a.example.com/v1", True),
        (".example.com", "http://example.com/v1", True),
        ("*.example.com", "http://a.example.com/v1", True),
        ("EXAMPLE.com", "http://a.Example.com/v1", True),
        ("example.com", "http://an-example.com/v1", False),
        ("a.com b.com", "http://b.com/v1", True),
        ("localhost", "http://localhost:8000/v1", True),
        ("localhost:8000", "http://localhost:8000/v1", True),
        ("localhost:8000", "http://localhost:9000/v1", False),
        ("10.0.0.0/8", "http://10.1.2.3/v1", True),
        ("10.1.2.3", "http://10.1.2.3:8000/v1", True),
        ("10.0.0.0/8", "http://11.1.2.3/v1", False),
        ("[::1]", "http://[::1]:8000/v1", True),
        ("::1", "http://[::1]:8000/v1", True),
        ("http://a.com", "http://a.com/v1", True),
        (",", "http://a.com/v1", False),
        ("", "http://a.com/v1", False),
    ],
)
def test_who_is_reached_directly(environment: pytest.MonkeyPatch, no_proxy: str, url: str, direct: bool) -> None:
    environment.setenv("ALL_PROXY", "proxy:3128")
    environment.setenv("NO_PROXY", no_proxy)
    assert proxy_for(url) == (None if direct else "http://proxy:3128")


def test_each_scheme_has_its_own(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "http://secure:1")
    environment.setenv("ALL_PROXY", "http://all:1")
    assert proxy_for("https://a.com/v1") == "http://secure:1"
    assert proxy_for("http://a.com/v1") == "http://all:1"
    assert shown("http://me:sesame@all:1/x") == "http://all:1"


@pytest.mark.parametrize("named", ["ftp://proxy:1", "http://", "http://proxy:port", "http://[::1"])
def test_what_is_no_proxy_is_an_error(environment: pytest.MonkeyPatch, named: str) -> None:
    environment.setenv("HTTP_PROXY", named)
    with pytest.raises(ConfigError, match="NO_PROXY"):
        OpenAI.open("m", OpenAIOptions(base_url="http://a.com/v1"))


def test_a_socks_proxy_needs_its_package(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ALL_PROXY", "socks5://proxy:1080")
    environment.setattr("reasoning.backends.openai.proxies.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install socksio"):
        OpenAI.open("m", OpenAIOptions(base_url="http://a.com/v1"))
