"""What the OpenAI driver sends and what it reads, with the real client against a real server that plays the parts."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fault_client import FaultServer

import reasoning
from reasoning import loop
from reasoning.backends.openai import OpenAI, OpenAIOptions
from reasoning.completion import Completion
from reasoning.draws import draw_key, draw_seed, identity_text
from reasoning.errors import ConfigError
from reasoning.message import assistant, system, user
from reasoning.request import Request
from reasoning.sampling import Sampling

WARM = Sampling(temperature=0.7, max_tokens=100)


def chat(**sampling: Any) -> Request:
    return Request(messages=(system("Be brief."), user("How many bolts?")), sampling=WARM.model_copy(update=sampling))


def text(**sampling: Any) -> Request:
    return Request(prompt="Q: How many bolts?\nA:", sampling=WARM.model_copy(update=sampling))


def opened(server: FaultServer, model: str = "m", **options: Any) -> OpenAI:
    return OpenAI.open(model, OpenAIOptions(**{"base_url": server.base_url} | options))


def draw(
    server: FaultServer, request: Request, indices: Sequence[int] = (0,), model: str = "m", **options: Any
) -> list[Completion]:
    async def drawn() -> list[Completion]:
        backend = opened(server, model, **options)
        try:
            return await backend.complete(request, indices)
        finally:
            await backend.aclose()

    return asyncio.run(drawn())


class TestWhatIsSent:
    def test_a_chat_with_all_settings(self, fault_server: FaultServer) -> None:
        request = chat(top_p=0.9, top_k=40, min_p=0.1, stop=("\nQ:", "END"), logprobs=2, effort="low")
        [completion] = draw(fault_server, request, [3])
        [sent] = fault_server.requests()
        assert sent["path"] == "/v1/chat/completions"
        assert sent["body"] == {
            "model": "m",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How many bolts?"}],
            "temperature": 0.7,
            "top_p": 0.9,
            "top_k": 40,
            "min_p": 0.1,
            "stop": ["\nQ:", "END"],
            "max_tokens": 100,
            "seed": completion.seed,
            "reasoning_effort": "low",
            "logprobs": True,
            "top_logprobs": 2,
        }
        assert completion.degradations == ()

    def test_unset_settings_are_not_sent_and_temperature_zero_is(self, fault_server: FaultServer) -> None:
        draw(fault_server, chat(temperature=None, max_tokens=None, seeded=False))
        draw(fault_server, chat(temperature=0.0))
        unset, greedy = fault_server.bodies()
        assert set(unset) == {"model", "messages"}
        assert greedy["temperature"] == 0.0

    def test_plain_text_goes_to_completions(self, fault_server: FaultServer) -> None:
        [completion] = draw(fault_server, text(logprobs=0, stop=("answer",)))
        [sent] = fault_server.requests()
        assert sent["path"] == "/v1/completions"
        assert sent["body"]["prompt"] == "Q: How many bolts?\nA:"
        assert sent["body"]["logprobs"] == 1
        assert completion.text == "Thinking about it, the "
        assert completion.logprobs is not None
        assert completion.logprobs.top == ()

    def test_no_key_is_sent_where_there_is_none(self, fault_server: FaultServer, monkeypatch: Any) -> None:
        monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-never-sent")
        draw(fault_server, chat())
        draw(fault_server, chat(), api_key="my-key")
        without, with_key = fault_server.requests()
        assert "authorization" not in without["headers"]
        assert with_key["headers"]["authorization"] == "Bearer my-key"

    def test_environment_names_server_and_key(self, fault_server: FaultServer, monkeypatch: Any) -> None:
        monkeypatch.setenv("OPENAI_BASE_URL", fault_server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-environment")
        draw(fault_server, chat(), base_url=None)
        assert fault_server.requests()[0]["headers"]["authorization"] == "Bearer key-of-the-environment"

    def test_extra_body_headers_and_query(self, fault_server: FaultServer) -> None:
        options = {"extra_body": {"thinking": False}, "headers": {"X-Team": "blue"}, "query": "api-version=9"}
        draw(fault_server, chat(), **options)
        [sent] = fault_server.requests()
        assert sent["body"]["thinking"] is False
        assert sent["headers"]["x-team"] == "blue"
        assert sent["path"] == "/v1/chat/completions?api-version=9"

    def test_prefill_for_vllm(self, fault_server: FaultServer) -> None:
        request = Request(messages=(user("Q"), assistant("Thinking about")), sampling=WARM)
        [completion] = draw(fault_server, request, prefill="vllm")
        body = fault_server.bodies()[0]
        assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
        assert completion.text.startswith(" it, the answer")  # said back by this server, and taken off
        assert opened(fault_server, prefill="vllm").capabilities.prefill
        assert not opened(fault_server).capabilities.prefill

    def test_prefill_that_is_not_supported_is_on_the_record(self, fault_server: FaultServer) -> None:
        [completion] = draw(fault_server, Request(messages=(user("Q"), assistant("A")), sampling=WARM))
        assert any("assistant message" in note for note in completion.degradations)


class TestSeedsAndSamples:
    def test_draws_share_a_request_with_consecutive_seeds(self, fault_server: FaultServer) -> None:
        fault_server.configure(answers=10**9)
        backend, request = opened(fault_server), chat()
        key = draw_key(identity_text(backend.identity), request)
        completions = draw(fault_server, request, range(8))
        assert [c.seed for c in completions] == [draw_seed(key, index) for index in range(8)]
        assert [c.index for c in completions] == list(range(8))
        [body] = fault_server.bodies()
        assert (body["n"], body["seed"]) == (8, completions[0].seed)
        alone = [draw(fault_server, request, [index])[0].text for index in range(8)]
        assert alone == [c.text for c in completions]

    def test_gaps_and_the_most_samples_split_a_request(self, fault_server: FaultServer) -> None:
        completions = draw(fault_server, chat(), [0, 1, 5, 6, 7, 65536], max_samples=2)
        assert sorted(body.get("n", 1) for body in fault_server.bodies()) == [1, 1, 2, 2]
        assert [c.index for c in completions] == [0, 1, 5, 6, 7, 65536]

    def test_unseeded_draws_send_no_seed(self, fault_server: FaultServer) -> None:
        completions = draw(fault_server, chat(seeded=False), [0, 7, 3])
        assert [c.seed for c in completions] == [None] * 3
        [body] = fault_server.bodies()
        assert body["n"] == 3
        assert "seed" not in body

    @pytest.mark.parametrize("behaviour", [{"refuse": ["n"]}, {"returns_n": 1}])
    def test_a_server_of_one_sample_is_learnt_once(self, fault_server: FaultServer, behaviour: dict[str, Any]) -> None:
        fault_server.configure(answers=10**9)
        expected = [c.text for c in draw(fault_server, chat(), range(6))]
        fault_server.configure(answers=10**9, **behaviour)

        async def twice() -> list[Completion]:
            backend = opened(fault_server)
            assert backend.capabilities.max_samples == 16
            first = await backend.complete(chat(), range(4))
            assert backend.capabilities.max_samples == 1
            second = await backend.complete(chat(), range(4, 6))
            await backend.aclose()
            return first + second

        completions = asyncio.run(twice())
        assert [c.text for c in completions] == expected
        assert all("one by one" in c.degradations[0] for c in completions)
        assert [body.get("n", 1) for body in fault_server.bodies()].count(4) == 1
        assert fault_server.stats()["sold_again"] == 0

    def test_too_few_samples_are_made_up_for(self, fault_server: FaultServer) -> None:
        fault_server.configure(returns_n=3)
        completions = draw(fault_server, chat(), range(8))
        assert [c.failure for c in completions] == [None] * 8
        assert len({c.seed for c in completions}) == 8

    def test_too_many_samples_are_left(self, fault_server: FaultServer) -> None:
        fault_server.configure(returns_n=9)
        assert [c.index for c in draw(fault_server, chat(), range(4))] == [0, 1, 2, 3]

    def test_the_number_that_a_server_allows_is_read(self, fault_server: FaultServer) -> None:
        words = "Field 'n': Value must be between 1 <= value <= 4, but got 8"
        fault_server.configure(faults=[{"kind": "status", "status": 400, "message": words, "match": '"n":8'}])
        completions = draw(fault_server, chat(), range(8))
        assert [c.failure for c in completions] == [None] * 8
        assert [body["n"] for body in fault_server.bodies()] == [8, 4, 4]

    def test_single_never_asks_for_several(self, fault_server: FaultServer) -> None:
        completions = draw(fault_server, chat(), range(3), n="single")
        assert ["n" in body for body in fault_server.bodies()] == [False] * 3
        assert completions[0].degradations == ()

    def test_a_server_without_seeds_is_on_the_record(self, fault_server: FaultServer) -> None:
        fault_server.configure(refuse=["seed"])
        [completion] = draw(fault_server, chat())
        assert completion.seed is None
        assert completion.degradations == ("seed is not taken by this model or server: the draw is unseeded.",)


class TestDegradations:
    @pytest.mark.parametrize("name", ["temperature", "top_p", "logprobs", "reasoning_effort", "stop"])
    def test_a_refused_setting_is_left_out_on_the_record(self, fault_server: FaultServer, name: str) -> None:
        fault_server.configure(refuse=[name])
        request = chat(top_p=0.5, logprobs=1, effort="low", stop=("answer",))
        [completion] = draw(fault_server, request)
        assert completion.failure is None
        assert any(note.startswith(name) for note in completion.degradations)
        assert completion.text == "Thinking about it, the "
        assert len(fault_server.bodies()) == 2

    def test_max_tokens_takes_its_other_name(self, fault_server: FaultServer) -> None:
        fault_server.configure(refuse=["max_tokens"])
        [completion] = draw(fault_server, chat(max_tokens=3))
        assert fault_server.bodies()[-1]["max_completion_tokens"] == 3
        assert completion.finish == "length"
        assert completion.degradations == ()

    def test_more_stop_strings_than_the_server_takes(self, fault_server: FaultServer) -> None:
        stop = ("1", "2", "3", "4", "about")
        [completion] = draw(fault_server, chat(stop=stop), max_stop=4)
        assert fault_server.bodies()[0]["stop"] == ["1", "2", "3", "4"]
        assert (completion.text, completion.finish) == ("Thinking ", "stop")
        assert any("4 of 5 stop strings" in note for note in completion.degradations)

    def test_reasoning_models_get_none_of_what_they_do_not_take(self, fault_server: FaultServer) -> None:
        request = chat(top_p=0.9, logprobs=0, effort="high", stop=("answer",))
        [completion] = draw(fault_server, request, reasoning_model=True)
        body = fault_server.bodies()[0]
        assert body["reasoning_effort"] == "high"
        assert not {"temperature", "top_p", "logprobs", "stop"} & body.keys()
        assert completion.text == "Thinking about it, the "
        assert [note.split()[0] for note in completion.degradations] == [
            "temperature",
            "top_p",
            "stop",
            "logprobs",
            "No",
        ]

    def test_text_for_a_chat_model_and_a_chat_for_a_text_model(self, fault_server: FaultServer) -> None:
        [as_message] = draw(fault_server, text(), api="chat")
        [as_text] = draw(fault_server, chat(), api="completions")
        first, second = fault_server.bodies()
        assert first["messages"] == [{"role": "user", "content": "Q: How many bolts?\nA:"}]
        assert second["prompt"] == "Be brief.\n\nHow many bolts?"
        assert as_message.degradations
        assert as_text.degradations

    def test_log_probabilities_that_do_not_come(self, fault_server: FaultServer) -> None:
        fault_server.configure(refusal="I cannot.")
        [completion] = draw(fault_server, chat(logprobs=0), api="responses")
        assert "No log-probabilities came back." in completion.degradations


class TestWhatIsRead:
    @pytest.mark.parametrize(("finish", "expected"), [("stop", "stop"), ("length", "length"), ("tool_calls", "stop")])
    def test_finish_reasons(self, fault_server: FaultServer, finish: str, expected: str) -> None:
        fault_server.configure(finish=finish)
        for request in (chat(), text()):
            assert draw(fault_server, request)[0].finish == expected

    @pytest.mark.parametrize("api", ["chat", "responses"])
    def test_refusals_and_filters_are_kept_apart(self, fault_server: FaultServer, api: str) -> None:
        fault_server.configure(finish="content_filter")
        assert draw(fault_server, chat(), api=api)[0].finish == "content_filter"
        fault_server.configure(refusal="I cannot help with that.")
        [refused] = draw(fault_server, chat(), api=api)
        assert (refused.finish, refused.text) == ("refusal", "I cannot help with that.")

    @pytest.mark.parametrize("where", ["reasoning_content", "reasoning", "inline", "parts"])
    def test_reasoning_text_is_apart(self, fault_server: FaultServer, where: str) -> None:
        fault_server.configure(reasoning="Let me see.", reasoning_field=where)
        [completion] = draw(fault_server, chat())
        assert completion.reasoning == "Let me see."
        assert completion.text.startswith("Thinking about it, the answer is ")
        assert completion.usage.reasoning_tokens == 3

    @pytest.mark.parametrize("thoughts", ["", None])
    def test_no_reasoning_text_is_none(self, fault_server: FaultServer, thoughts: str | None) -> None:
        fault_server.configure(reasoning=thoughts)
        assert draw(fault_server, chat())[0].reasoning is None

    def test_a_thought_that_was_cut_is_no_answer(self, fault_server: FaultServer) -> None:
        fault_server.configure(text="<think>The answer is 7, but", finish="length")
        [completion] = draw(fault_server, chat())
        assert (completion.text, completion.reasoning) == ("", "The answer is 7, but")
        [kept] = draw(fault_server, chat(), think_tags=False)
        assert kept.text.startswith("<think>")

    def test_a_thought_opened_by_the_template(self, fault_server: FaultServer) -> None:
        fault_server.configure(text="Hm, 7.</think>\n\nThe answer is 7.")
        [completion] = draw(fault_server, chat(stop=("\n\nQ",)))
        assert (completion.text, completion.reasoning) == ("The answer is 7.", "Hm, 7.")

    @pytest.mark.parametrize("request_", [chat(logprobs=2), text(logprobs=2)])
    def test_log_probabilities(self, fault_server: FaultServer, request_: Request) -> None:
        [completion] = draw(fault_server, request_)
        assert completion.logprobs is not None
        assert "".join(completion.logprobs.tokens) == completion.text
        assert set(completion.logprobs.values) == {-0.5}
        assert completion.logprobs.top[0] == (("t0", -0.5), ("t1", -1.5))

    def test_log_probabilities_are_cut_with_the_text(self, fault_server: FaultServer) -> None:
        fault_server.configure(honours_stop=False)
        [completion] = draw(fault_server, chat(logprobs=1, stop=("the answer",)))
        assert completion.logprobs is not None
        assert (completion.text, completion.finish) == ("Thinking about it, ", "stop")
        assert completion.logprobs.tokens == ("Thinking", " about", " it,", " the")  # the last begins within the text
        assert len(completion.logprobs.values) == len(completion.logprobs.top) == 4

    @pytest.mark.parametrize("told", ["none", "one_child"])
    def test_a_usage_that_is_not_told_is_estimated(self, fault_server: FaultServer, told: str) -> None:
        fault_server.configure(usage=told)
        completions = draw(fault_server, chat(max_tokens=3), range(4))
        assert [c.finish for c in completions] == ["length"] * 4
        assert [(c.usage.completion_tokens, c.usage.estimated) for c in completions] == [(3, True)] * 4

    def test_model_and_fingerprint_as_reported(self, fault_server: FaultServer) -> None:
        fault_server.configure(model="m-2025-01-01", fingerprints=["a", "b"])
        first, second = draw(fault_server, chat(), [0, 2], max_samples=1)
        assert (first.model, {first.fingerprint, second.fingerprint}) == ("m-2025-01-01", {"a", "b"})


class TestResponses:
    def test_a_request_and_its_answer(self, fault_server: FaultServer) -> None:
        fault_server.configure(reasoning="Let me see.", cached_tokens=2)
        request = chat(effort="low", logprobs=1, stop=("answer",), max_tokens=8)
        completions = draw(fault_server, request, [0, 1], api="responses", reasoning_summary="auto")
        sent = fault_server.requests()[0]
        assert sent["path"] == "/v1/responses"
        assert sent["body"] == {
            "model": "m",
            "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How many bolts?"}],
            "store": False,
            "temperature": 0.7,
            "max_output_tokens": 16,
            "reasoning": {"effort": "low", "summary": "auto"},
            "include": ["message.output_text.logprobs"],
            "top_logprobs": 1,
        }
        assert [c.text for c in completions] == ["Thinking about it, the "] * 2
        assert [c.seed for c in completions] == [None, None]
        assert completions[0].reasoning == "Let me see."
        assert completions[0].logprobs is not None
        assert completions[0].usage.reasoning_tokens == 3
        assert completions[0].billed is not None
        assert completions[0].billed.cached_tokens == 2
        assert [note.split()[0] for note in completions[0].degradations] == ["stop", "max_tokens", "seed"]

    def test_hidden_reasoning_is_none_and_a_cut_answer_is_truncated(self, fault_server: FaultServer) -> None:
        fault_server.configure(reasoning="Let me see.", reasoning_field="hidden", finish="length")
        [completion] = draw(fault_server, chat(), api="responses")
        assert completion.reasoning is None
        assert completion.finish == "length"
        assert completion.usage.reasoning_tokens == 3


class TestIdentityAndCapabilities:
    def test_identity_is_endpoint_model_and_what_changes_what_it_says(self) -> None:
        def identity(**options: Any) -> dict[str, Any]:
            return dict(OpenAI.open("m", OpenAIOptions(**options)).identity)

        plain = identity(base_url="HTTP://User:Secret@Example.com:80/v1/?key=abcdef")
        assert plain == {"engine": "openai", "endpoint": "http://example.com/v1", "model": "m"}
        assert identity(base_url="http://example.com/v1", api_key="other", timeout_s=3) == plain
        assert identity(base_url="http://example.com/v1", identity="q4") == plain | {"identity": "q4"}
        extra = {"chat_template_kwargs": {"enable_thinking": False}}
        assert identity(base_url="http://example.com/v1", extra_body=extra) == plain | {"extra_body": extra}

    def test_every_option_that_can_change_a_text_makes_another_model(self) -> None:
        """Each option of the class is tried: one that is added counts until it is known to make no difference."""
        others: dict[str, Any] = {
            "api": "completions",
            "prefill": "vllm",
            "think_tags": False,
            "reasoning_model": True,
            "thinking_budget": "vllm",
            "reasoning_summary": "auto",
            "identity": "q4",
            "extra_body": {"top_a": 1},
            "headers": {"x-provider": "B"},
            "query": "api-version=preview",
        }
        same: dict[str, Any] = {
            "base_url": "http://example.com/v1/",
            "api_key": "other",
            "organization": "o",
            "project": "p",
            "timeout_s": 3,
            "style": "text",
            "n": "single",
            "max_samples": 3,
            "max_stop": 1,
            "max_connections": 3,
            "context_tokens": 4096,
            "thinks": True,
            "userinfo": "me:secret",
        }
        assert others.keys() | same.keys() >= OpenAIOptions.model_fields.keys()

        def identity(**given: Any) -> str:
            return identity_text(
                OpenAI.open("m", OpenAIOptions(**{"base_url": "http://example.com/v1", **given})).identity
            )

        assert {identity(**{name: value}) for name, value in same.items()} == {identity()}
        assert len({identity(**{name: value}) for name, value in others.items()} | {identity()}) == len(others) + 1

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"api": "chat"}, {"api": "completions"}),
            ({"headers": {"x-provider": "A"}}, {"headers": {"x-provider": "B"}}),
            ({"query": "api-version=1"}, {"query": "api-version=2"}),
        ],
    )
    def test_one_store_gives_no_draw_of_another_model(
        self, fault_server: FaultServer, tmp_path: Path, one: dict[str, Any], other: dict[str, Any]
    ) -> None:
        bought = []
        for options in (one, other, one, other):
            given = {"base_url": fault_server.base_url, "store": tmp_path / "s", **options}
            with reasoning.open_backend("openai/m", **given) as backend:
                loop.run(backend.complete(chat(), [0]))
                bought.append(backend.paid.draws)
        assert bought == [1, 1, 0, 0]

    def test_headers_and_query_count_by_their_values_and_a_key_does_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def identity(headers: dict[str, str], query: str = "") -> str:
            given = OpenAIOptions(base_url="http://example.com/v1", headers=headers, query=query)
            return identity_text(OpenAI.open("m", given).identity)

        assert identity({"x-provider": "A"}) == identity(
            {"X-Provider": "A", "Api-Key": "new", "Authorization": "Bearer y"}
        )
        assert identity({"x-provider": "A"}) != identity({"x-provider": "B"})
        assert identity({}, "api-version=1&key=abc") == identity({}, "key=def&api-version=1")
        assert identity({}, "api-version=1") != identity({}, "api-version=2")
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-provider: A\nx-trace: 1")
        assert identity({"x-trace": "2"}) == identity({"x-provider": "A", "x-trace": "2"}) != identity({})

    @pytest.mark.parametrize(
        ("model", "expected"),
        [
            ("gpt-4o-mini", {"chat": True, "text": False, "max_samples": 128, "logprobs": 20, "style": "chat"}),
            ("ft:gpt-4o-mini:me::1", {"logprobs": 20, "seed": True}),
            ("gpt-5-chat-latest", {"logprobs": 20}),
            ("o4-mini", {"logprobs": None, "max_samples": 128, "reasoning": False}),
            ("gpt-5", {"logprobs": None, "text": False}),
            ("o3-pro", {"max_samples": 1, "seed": False}),
            ("gpt-3.5-turbo-instruct", {"chat": False, "text": True, "style": "text", "logprobs": 5}),
        ],
    )
    def test_models_of_openai(self, model: str, expected: dict[str, Any]) -> None:
        capabilities = OpenAI.open(
            model, OpenAIOptions(api_key="key", base_url="https://api.openai.com/v1")
        ).capabilities
        assert capabilities.model_dump(include=set(expected)) == expected
        assert not capabilities.prefill

    def test_a_summary_is_of_the_responses_api(self, fault_server: FaultServer) -> None:
        assert opened(fault_server, reasoning_summary="auto").capabilities.max_samples == 1
        with pytest.raises(ConfigError, match="Responses API"):
            opened(fault_server, reasoning_summary="auto", api="chat")

    def test_other_servers(self) -> None:
        capabilities = OpenAI.open("m", OpenAIOptions(base_url="http://127.0.0.1:9/v1", style="text")).capabilities
        expected = {"chat": True, "text": True, "style": "text", "max_samples": 16, "seed": True, "logprobs": 20}
        assert capabilities.model_dump(include=set(expected)) == expected
