"""Every block of the README, run: on the embedded model, in this process or behind a real OpenAI-compatible server."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, flags=re.M | re.S)
COMMANDS = [line.partition("  #")[0].strip() for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
OURS = [line for line in COMMANDS if line.startswith("reasoning ")]


class Server(Protocol):
    base_url: str


def test_every_block_is_of_a_kind_that_is_run_here() -> None:
    assert {kind for kind, _ in BLOCKS} == {"sh", "python", "yaml"}
    others = [line for line in COMMANDS if line not in OURS]
    assert {line.split()[0] for line in others} == {"make", "pip"}
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.M)
    assert [line for line in others if line.startswith("make") and line.split()[1] not in targets] == []


@pytest.mark.examples
@pytest.mark.model
@pytest.mark.timeout(600)
def test_python_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    try:
        for kind, block in BLOCKS:
            if kind == "python":
                exec(compile(block, "README.md", "exec"), names)
    finally:
        names["backend"].close()  # type: ignore[attr-defined]
    assert str(names["outcome"].value) == "45"  # type: ignore[attr-defined]


@pytest.mark.examples
@pytest.mark.model
@pytest.mark.timeout(300)
def test_the_quick_start_buys_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REASONING_STORE", raising=False)
    quick_start = next(block for kind, block in BLOCKS if kind == "python")
    calls = []
    for _ in range(2):
        names: dict[str, Any] = {}
        exec(compile(quick_start, "README.md", "exec"), names)
        calls.append(names["backend"].paid.calls)
        names["backend"].close()
    assert calls[0] > 0
    assert calls[1] == 0


def small(line: str, data: Path) -> list[str]:
    """The command over fewer problems, with the local copy of a task whose hub may be out of reach."""
    for wanted, less in (
        (r"--limit \d+", "--limit 2"),
        ("samples=40", "samples=2"),
        (r"max_model_len=\d+", "max_model_len=1024"),
    ):
        line = re.sub(wanted, less, line)
    words = shlex.split(line)[1:]
    if "gsm8k" in words:
        words += ["--data", str(data)]
    if words[0] == "plan":
        words += ["--pilot", "2"]
    if words[0] in ("run", "plan") and "self-consistency" in words:
        words += ["-S", "of.sampling.max_tokens=32"]
    return words


@pytest.mark.examples
@pytest.mark.model
@pytest.mark.timeout(900)
def test_commands(tmp_path: Path, loopback_server: Server) -> None:
    """In the order of the page: later ones use the folders that earlier ones made."""
    pytest.importorskip("ray", reason="replicas need Ray: make test-examples installs it")
    data = tmp_path / "gsm8k.jsonl"
    data.write_text(
        '{"question": "A box holds 6 eggs. How many eggs are in 7 boxes?", "answer": "6 * 7 = 42\\n#### 42"}\n'
        '{"question": "Tom has 5 apples and eats 2. How many are left?", "answer": "5 - 2 = 3\\n#### 3"}\n'
    )
    [task] = [block for kind, block in BLOCKS if kind == "yaml"]
    (tmp_path / "my-task.yaml").write_text(task)
    shutil.copy(data, tmp_path / "items.jsonl")
    (tmp_path / "items.jsonl").write_text('{"question": "What is 6 * 7?", "answer": 42}\n')
    told = {
        **{key: value for key, value in os.environ.items() if not key.startswith("REASONING_")},
        **{"XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)},
        **{"OPENAI_BASE_URL": loopback_server.base_url, "OPENAI_API_KEY": "any"},
    }
    run = [line for line in OURS if "vllm/" not in line]
    assert len(run) >= 11
    for line in run:
        command = [sys.executable, "-m", "evals.cli.main", *small(line, data)]
        done = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True, timeout=300)
        # 1 says that problems were lost, which a model this small may do to a run; 2 that the page is wrong
        assert done.returncode in ((0, 1) if line.split()[1] == "run" else (0,)), f"{line}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
    assert (tmp_path / "report.html").stat().st_size > 10_000


@pytest.mark.vllm
@pytest.mark.model
@pytest.mark.timeout(600)
def test_the_command_for_vllm(tmp_path: Path) -> None:
    from model_folder import embedded_folder

    [line] = [line for line in OURS if "vllm/" in line]
    data = tmp_path / "gsm8k.jsonl"
    data.write_text('{"question": "A box holds 6 eggs. How many eggs are in 7 boxes?", "answer": "#### 42"}\n')
    words = [word.replace("Qwen/Qwen3-8B", str(embedded_folder())) for word in small(line, data)]
    command = [sys.executable, "-m", "evals.cli.main", *words, "-B", "enforce_eager=true"]
    told = {
        **os.environ,
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True, timeout=500)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
