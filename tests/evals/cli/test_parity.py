"""`reasoning doctor --parity` on real backends, and what it does with bad input."""

import json
from pathlib import Path
from typing import Any, Protocol

import pytest

from evals.cli.parity import USUAL, examine, requests
from reasoning.errors import ConfigError, DataError, UnknownNameError, UsageError


class Server(Protocol):
    base_url: str
    model: str


def found(capsys: pytest.CaptureFixture[str], *specs: str, questions: Path | None = None, **given: Any) -> Any:
    examine(specs, str(questions) if questions else None, given, as_json=True)
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.txt"
    path.write_text('Why is the sky blue?\n\n{"prompt": "1, 2, 3,"}\n')
    return path


@pytest.mark.model
@pytest.mark.slow
def test_one_model_in_process_and_behind_a_server_is_the_same(
    capsys: pytest.CaptureFixture[str], loopback_server: Server, questions: Path
) -> None:
    server = {"2.base_url": loopback_server.base_url, "2.api_key": "any"}
    told = found(capsys, "local", f"openai/{loopback_server.model}", questions=questions, **server)
    assert [pair["a"] for pair in told["pairs"]] == ["local"]
    assert len(told["prompts"]) == 2
    for prompt in told["prompts"]:
        here, there = prompt["seen"]
        assert here["rendered"] == there["rendered"]
        assert here["token_ids"] == there["token_ids"] != []
        assert prompt["found"][0]["verdict"] in ("same", "numerics"), prompt["found"][0]["told"]
    assert told["prompts"][1]["request"]["prompt"] == "1, 2, 3,"


@pytest.mark.model
@pytest.mark.slow
def test_another_template_is_found_and_shown(capsys: pytest.CaptureFixture[str], questions: Path) -> None:
    bare = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    small = {"n_ctx": 256, "n_parallel": 1}
    told = found(capsys, "local", "local", questions=questions, **small, **{"2.chat_template": bare})
    assert told["backends"] == ["local (1)", "local (2)"]
    chat, text = (prompt["found"][0] for prompt in told["prompts"])
    assert (chat["verdict"], text["verdict"], told["verdict"]) == ("template", "same", "template")
    assert "im_start" in chat["told"]


def test_it_reads_well(capsys: pytest.CaptureFixture[str], questions: Path) -> None:
    examine(["scripted/constant", "scripted/echo"], str(questions), {"1.text": "blue"}, as_json=False)
    out = capsys.readouterr().out
    assert "1. chat: Why is the sky blue?" in out
    assert "greedy    'blue' (stop)" in out
    assert out.rstrip().endswith("scripted/constant and scripted/echo: unknown")


def test_the_usual_prompts_are_greedy_and_of_both_forms() -> None:
    usual = requests(None)
    assert len(usual) == len(USUAL)
    assert {request.prompt is None for request in usual} == {True, False}
    assert all(request.sampling.greedy for request in usual)


@pytest.mark.parametrize("line", ['{"prompt": 3}', '{"text": "hi"}', '{"prompt": "a"'])
def test_a_line_that_is_no_question_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "q").write_text(f"Why?\n{line}\n")
    with pytest.raises(DataError, match=r"q, line 2: expected a question"):
        requests(str(tmp_path / "q"))


def test_bad_input_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two or more"):
        examine(["local"], None, {}, as_json=False)
    with pytest.raises(UsageError, match=r"-B 3\.text: there are 2 backends"):
        examine(["scripted/echo", "scripted/constant"], None, {"3.text": "x"}, as_json=False)
    with pytest.raises(UnknownNameError, match="temprature"):
        examine(["scripted/echo", "scripted/constant"], None, {"temprature": 1}, as_json=False)
    with pytest.raises(ConfigError, match="names no model"):
        examine(["scripted/echo", "openai/"], None, {}, as_json=False)
    with pytest.raises(DataError, match="cannot be read"):
        requests(str(tmp_path / "absent"))
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(DataError, match="holds no questions"):
        requests(str(tmp_path / "empty"))


@pytest.mark.transformers
@pytest.mark.timeout(900)
def test_every_difference_of_transformers_from_llama_cpp_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    from model_folder import embedded_folder

    told = found(
        capsys, "local", f"transformers/{embedded_folder('float32')}", **{"2.dtype": "float32", "2.device": "cpu"}
    )
    assert_explained(told)


@pytest.mark.vllm
@pytest.mark.timeout(900)
def test_every_difference_of_vllm_from_llama_cpp_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    from model_folder import embedded_folder

    small = {"2.max_model_len": 2048, "2.kv_cache_memory_bytes": 2**30}
    options = {"2.dtype": "float32", "2.enforce_eager": True, **small}
    assert_explained(found(capsys, "local", f"vllm/{embedded_folder('float32')}", **options))


def assert_explained(told: Any) -> None:
    """The backends were asked the same, to the token; where their texts part, the candidates' gaps say why."""
    for prompt in told["prompts"]:
        here, there = prompt["seen"]
        assert (here["rendered"], here["token_ids"]) == (there["rendered"], there["token_ids"])
        (one,) = prompt["found"]
        assert one["verdict"] in ("same", "numerics"), one["told"]
        if one["verdict"] != "same":
            assert any(gap is not None for gap in one["parting"]["gaps"])
