"""A wait is understood in every way that servers say one, and nothing else is taken for one."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from reasoning.backends.openai.waits import duration, told_wait


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20", 20.0),
        ("8.64s", 8.64),
        ("450ms", 0.45),
        ("1m2.5s", 62.5),
        ("2h 5m", 7500.0),
        ("2 minutes and 3 seconds", 123.0),
        ("1 day", 86400.0),
        ("-3", 0.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("20 requests", None),
        ("5 months", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


def test_retry_after_is_seconds_or_a_date() -> None:
    assert told_wait({"retry-after": "1.5"}, None) == 1.5
    assert told_wait({"retry-after-ms": "1500", "retry-after": "1"}, None) == 1.5
    assert told_wait({"retry-after": "soon"}, None) is None
    assert told_wait({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None) == 0.0
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 85 < (told_wait({"retry-after": when}, None) or 0) <= 90


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Requests per min: limit 3, used 3, requested 1. Please try again in 20s. See our pages.", 20.0),
        ("Tokens per minute (TPM): limit 6000, used 5034, requested 1443. Please try again in 1m2.5s.", 62.5),
        ("You exceeded your current quota.\nPlease retry in 33.91s.", 33.91),
        ("exceeded the call rate limit of your tier. Please retry after 7 seconds. Go here for more.", 7.0),
        ("No deployments available, Try again in 5 seconds. cooldown_list=['a']", 5.0),
        ("Please wait for 2 minutes before the next request", 120.0),
        ("reached the organization's max RPM: 3, please try again after 1 seconds", 1.0),
        ("Please try again later.", None),
        ("Limited to 20 API calls / minute; the rate limit is 6.0 queries and 180000 tokens per minute", None),
        ("temporarily rate-limited upstream. Please retry shortly, or add your own key", None),
        ("Your team's rate limit is 2 RPS (requests per second).", None),
    ],
)
def test_words(words: str, seconds: float | None) -> None:
    assert told_wait({}, {"error": {"message": words}}, words) == seconds


def test_a_retry_delay_deep_in_the_body() -> None:
    details = [{"@type": "QuotaFailure", "violations": [{"quotaValue": "10"}]}, {"retryDelay": "34s"}]
    assert told_wait({}, [{"error": {"code": 429, "details": details}}]) == 34.0
    assert told_wait({}, [{"error": {"details": [{"retryDelay": "soon"}]}}]) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset": "10"}, 10.0),
        ({"x-ratelimit-reset-requests": "8.64s", "x-ratelimit-remaining-requests": "0"}, 8.64),
        (
            {
                "x-ratelimit-reset-requests": "8s",
                "x-ratelimit-remaining-requests": "5",
                "x-ratelimit-reset-tokens": "1m0s",
                "x-ratelimit-remaining-tokens": "0",
            },
            60.0,
        ),
        ({"RateLimit-Reset": "12"}, 12.0),
        ({"x-ratelimit-reset": "10", "retry-after": "3"}, 3.0),  # the limit is whole again later
    ],
)
def test_headers_of_limits(headers: dict[str, str], seconds: float) -> None:
    assert told_wait(headers, None) == seconds


@pytest.mark.parametrize("unit", [1, 1000])
def test_a_reset_can_be_a_point_in_time(unit: int) -> None:
    wait = told_wait({"x-ratelimit-reset": str(int((time.time() + 30) * unit))}, None)
    assert wait is not None
    assert 25 < wait <= 30


def test_the_longest_of_several_counts() -> None:
    body: Any = {"error": {"details": [{"retryDelay": "34s"}]}}
    assert told_wait({"retry-after": "1"}, body, "Please retry in 33.9s.") == 34.0
