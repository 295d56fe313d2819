"""The fault server does what it is told, and its books are right: other tests rest on them."""

import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from fault_client import FaultServer

QUESTION = [{"role": "user", "content": "How many bolts?"}]


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def post(server: FaultServer, path: str = "/chat/completions", **body: Any) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
    try:
        asked = {"model": "m", "messages": QUESTION} | body
        connection.request("POST", f"/v1{path}", json.dumps(asked), {"Authorization": "Bearer key"})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def texts(server: FaultServer, **body: Any) -> list[str]:
    return [choice["message"]["content"] for choice in json.loads(post(server, **body)[2])["choices"]]


def test_draws_of_n_are_those_of_consecutive_seeds(server: FaultServer) -> None:
    server.configure(answers=10**9)
    together = texts(server, seed=7, n=3)
    assert together == [texts(server, seed=seed)[0] for seed in (7, 8, 9)]
    assert len(set(together)) == 3


def test_books_count_what_is_sold_and_sold_again(server: FaultServer) -> None:
    server.configure()
    post(server, seed=1, n=4)
    post(server, seed=3, n=2)
    assert server.stats()["sold"] == 6
    assert server.stats()["sold_again"] == 2
    assert sorted(seed for _, seed in server.ledger()) == [1, 2, 3, 4]
    assert len({asked for asked, _ in server.ledger()}) == 1


def test_faults_by_attempt_match_and_number(server: FaultServer) -> None:
    server.configure(faults=[{"kind": "status", "status": 429, "headers": {"Retry-After": "2"}, "attempts": 1}])
    first, second = post(server, seed=1), post(server, seed=1)
    assert (first[0], first[1]["Retry-After"], second[0]) == (429, "2", 200)
    server.configure(faults=[{"kind": "status", "every": 3}, {"kind": "status", "status": 418, "match": "teapot"}])
    asked = [post(server, seed=1, user=name)[0] for name in ("a", "teapot", "c", "d", "e", "teapot")]
    assert asked == [200, 418, 500, 200, 200, 500]
    assert server.stats()["statuses"] == {"200": 3, "418": 1, "500": 2}


@pytest.mark.parametrize(("kind", "error"), [("reset", ConnectionResetError), ("cut_off", http.client.IncompleteRead)])
def test_broken_connections(server: FaultServer, kind: str, error: type[Exception]) -> None:
    server.configure(faults=[{"kind": kind, "times": 1}])
    with pytest.raises(error):
        post(server)
    assert post(server)[0] == 200


def test_a_client_that_goes_away_is_counted(server: FaultServer) -> None:
    server.configure(latency_s=5.0)
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=0.05)
    connection.request("POST", "/v1/chat/completions", json.dumps({"model": "m", "messages": QUESTION, "seed": 1}))
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    deadline = time.monotonic() + 5
    while (stats := server.stats())["aborted"] == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (stats["aborted"], stats["in_flight"], stats["sold"]) == (1, 0, 1)


def test_latency_is_kept_with_many_in_flight(server: FaultServer) -> None:
    server.configure(latency_s=0.1)
    started = time.perf_counter()
    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(lambda seed: post(server, seed=seed)[0], range(50))) == [200] * 50
    assert 0.1 <= time.perf_counter() - started < 2.0
    assert server.stats()["most_in_flight"] > 10


@pytest.mark.parametrize(
    ("behaviour", "asked", "status", "word"),
    [
        ({"refuse": ["n"]}, {"n": 2}, 400, "unsupported_parameter"),
        ({"refuse": ["seed"]}, {"seed": 2}, 400, "unsupported_parameter"),
        ({"api_key": "right"}, {}, 401, "Incorrect API key provided: key"),
        ({"context_tokens": 2}, {}, 400, "context_length_exceeded"),
        ({"most_stop": 4}, {"stop": ["a"] * 5}, 400, "array too long"),
    ],
)
def test_refusals(
    server: FaultServer, behaviour: dict[str, Any], asked: dict[str, Any], status: int, word: str
) -> None:
    server.configure(**behaviour)
    answer = post(server, **asked)
    assert answer[0] == status
    assert word in answer[2].decode()


def test_wrong_n_and_changing_fingerprints(server: FaultServer) -> None:
    server.configure(returns_n=1, fingerprints=["a", "b"], fingerprint_every=2)
    answers = [json.loads(post(server, n=4, seed=1)[2]) for _ in range(4)]
    assert [len(answer["choices"]) for answer in answers] == [1, 1, 1, 1]
    assert [answer["system_fingerprint"] for answer in answers] == ["a", "a", "b", "b"]


def test_an_unknown_behaviour_is_named(server: FaultServer) -> None:
    with pytest.raises(AssertionError, match="latency"):
        server.configure(latencies=1)
