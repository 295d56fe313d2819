"""What a run notes of its options holds no secret."""

from evals.provenance import public


def test_options_are_noted_without_secrets() -> None:
    given = {
        "base_url": "http://me:secret@host/v1?key=secret",
        "api_key": "secret",
        "headers": {"x-provider": "secret"},
        "query": "api-version=1&key=secret",
        "userinfo": "me:secret",
        "hf_token": "secret",
        "extra_body": {"password": "secret", "auth": {"api_key": "secret"}, "max_tokens": 5},
        "tokenizer": "slow",
        "monkey": "see",
    }
    noted = public(given)
    assert "secret" not in str(noted)
    assert noted["base_url"] == "http://host/v1"
    assert (noted["extra_body"]["max_tokens"], noted["tokenizer"], noted["monkey"]) == (5, "slow", "see")
