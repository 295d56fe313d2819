"""The vLLM backend where something is wrong, its other options, and how it ends; on tiny models made on the spot."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from model_folder import tiny_folder, without_template

from reasoning import Message, Request, Sampling
from reasoning.backends.vllm import VLLM, VLLMOptions
from reasoning.backends.vllm.driver import UNSEEDED
from reasoning.backends.vllm.engine_args import engine_args, installed
from reasoning.backends.vllm.processes import born, family
from reasoning.backends.vllm.thinking import Thinking
from reasoning.errors import BackendError, ConfigError, UnknownNameError

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

SMALL: dict[str, Any] = {"enforce_eager": True, "max_model_len": 256, "kv_cache_memory_bytes": 2**26}
SHORT = Sampling(temperature=1.0, max_tokens=6)
CHAT = Request(messages=(Message(role="user", content="Hi"),), sampling=SHORT)
TEXT = Request(prompt="Hello", sampling=SHORT)


def opened(folder: Path, **options: Any) -> VLLM:
    return VLLM.open(str(folder), VLLMOptions.model_validate({**SMALL, **options}))


def test_the_names_that_stand_here_are_those_of_the_installed_engine() -> None:
    from vllm import AsyncEngineArgs

    real = set(AsyncEngineArgs.__dataclass_fields__)
    assert set(engine_args(installed())) <= real
    assert set(engine_args(None)) == set(engine_args(installed())), (
        "this project's list is that of the version it installs"
    )


def test_settings_that_cannot_be_are_told_before_the_engine_starts() -> None:
    with pytest.raises(ConfigError, match=r"max_model_len .*512"):
        opened(tiny_folder("dense"), max_model_len=4096)
    with pytest.raises(ConfigError, match="quantization"):
        opened(tiny_folder("dense"), quantization="strange")


def test_too_little_memory_names_the_options(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")  # the option goes before it
    with pytest.raises(BackendError, match=r"not enough memory.*max_model_len.*kv_cache_memory_bytes"):
        opened(tiny_folder("dense"), kv_cache_memory_bytes=2**12)
    assert capfd.readouterr().out == ""
    assert not engine_processes(os.getpid())


def test_a_moe_without_template_unseeded_and_how_it_ends(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = without_template(tiny_folder("moe"), tmp_path / "plain")
    backend = opened(folder, seeded=False)
    assert (backend.capabilities.chat, backend.capabilities.style) == (False, "text")
    assert (backend.capabilities.seed, backend.capabilities.reproducible) == (False, "no")
    assert backend.identity["seeded"] is False
    facts = backend.facts
    assert facts.parameters is not None
    assert facts.active_parameters is not None
    assert facts.active_parameters < facts.parameters

    async def scene() -> tuple[Any, Any, Any]:
        refused = (await backend.complete(CHAT, [0]))[0]
        drawn = await backend.complete(TEXT, range(3))
        long = Request(prompt="Once", sampling=Sampling(temperature=1.0, max_tokens=200))
        running = asyncio.create_task(backend.complete(long, range(8)))
        while not backend._engine.llm.get_num_unfinished_requests():
            await asyncio.sleep(0.01)
        await backend.aclose()
        await backend.aclose()
        with pytest.raises(BackendError, match="closed"):
            await backend.complete(TEXT, [0])
        return refused, drawn, await running

    refused, drawn, ended = asyncio.run(scene())
    assert refused.failure.kind == "unsupported"
    assert "style=text" in refused.failure.message
    assert "chat_template" in refused.failure.message
    assert all(c.seed is None and c.degradations == (UNSEEDED,) for c in drawn)
    assert {c.failure.kind for c in ended} == {"cancelled"}
    assert not engine_processes(os.getpid()), "nothing of the engine is left"
    assert capfd.readouterr().out == "", "stdout is the caller's"


def test_a_template_and_a_reasoning_parser_and_an_engine_that_dies() -> None:
    template = "{{ note }}{% for m in messages %}{{ m['content'] }}|{% endfor %}"
    folder = tiny_folder("dense")
    with pytest.raises(UnknownNameError, match="Did you mean 'qwen3'"):
        Thinking.named("qwen33", None)
    thinking = Thinking.named("deepseek_r1", thinking_tokenizer(folder))
    assert thinking.apart("<think>by and by</think>18", ()) == ("18", "by and by", 0)
    assert thinking.apart("by and by", ()) == ("", "by and by", 0), "cut in its thoughts"
    backend = opened(folder, chat_template=template, template_args={"note": "N:"}, seed=1)
    try:
        completion = asyncio.run(drawn_then_killed(backend))
    finally:
        assert not engine_processes(os.getpid())
    assert completion.rendered == "N:Hi|"
    assert str(backend.identity["chat_template"]).startswith("sha256:")
    assert backend.identity["template_args"] == {"note": "N:"}
    assert "seed" not in str(backend.identity)


async def drawn_then_killed(backend: VLLM) -> Any:
    """A draw; then the engine is killed, as the kernel does where memory is short, with another one in flight."""
    try:
        drawn = (await backend.complete(CHAT, [0]))[0]
        long = Request(prompt="Once", sampling=Sampling(temperature=1.0, max_tokens=200))
        running = asyncio.create_task(backend.complete(long, range(8)))
        while not backend._engine.llm.get_num_unfinished_requests():
            await asyncio.sleep(0.01)
        for pid in backend._engine._pids:
            os.kill(pid, signal.SIGKILL)
        for asked in (running, backend.complete(TEXT, [0])):
            with pytest.raises(BackendError, match=r"The engine of vllm/.* ended"):
                await asked
        return drawn
    finally:
        await backend.aclose()


def thinking_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<think>", "</think>"])
    return tokenizer


SCRIPT = """
import os
import signal
import reasoning
from reasoning import Request, Sampling
from reasoning.backends.vllm.processes import family
from reasoning.loop import run

def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
    options = {options!r}
    with reasoning.open_backend("vllm/{folder}", **options) as backend:
        print(*family([os.getpid()]), flush=True)
        long = Request(prompt="Once", sampling=Sampling(temperature=1.0, max_tokens=200))
        while True:
            run(backend.complete(long, range(4)))

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("how", ["ctrl-c", "sigterm"])
def test_no_process_is_left_when_the_parent_is_ended(tmp_path: Path, how: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(options=SMALL, folder=tiny_folder("dense")))
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) >= 3, "the parent, the engine and its worker"
    time.sleep(0.5)
    if how == "ctrl-c":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    out, err = process.communicate(timeout=300)
    assert out == ""
    assert ("KeyboardInterrupt" in err) == (how == "ctrl-c"), err
    end = time.monotonic() + 60
    while any(born(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.1)
    assert not [pid for pid in pids if born(pid)]


def engine_processes(parent: int) -> list[str]:
    """The command lines of a process's children, less Python's own helper of shared memory, which ends with it."""
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() for pid in family([parent])]
    return [line for line in lines if "VLLM" in line or "lifeline" in line]
