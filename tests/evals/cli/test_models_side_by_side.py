"""One command over models of several kinds: dense and a mixture of experts, full and half precision."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.transformers
@pytest.mark.timeout(300)
def test_models_of_several_kinds_are_compared_with_one_command(tmp_path: Path) -> None:
    from model_folder import tiny_folder

    dense, mixture = tiny_folder("dense"), tiny_folder("moe")
    (tmp_path / "items.jsonl").write_text('{"q": "What is 2 + 2?", "a": 4}\n{"q": "What is 3 + 3?", "a": 6}\n')
    (tmp_path / "suite.yaml").write_text(
        f"""
tasks: [mine.yaml]
strategies: [{{direct: {{sampling: {{max_tokens: 8}}, style: text}}}}]
backends:
  - transformers/{dense}: {{device: cpu, dtype: float32}}
    name: dense
  - transformers/{dense}: {{device: cpu, dtype: bfloat16}}
    name: half
  - transformers/{mixture}: {{device: cpu, dtype: float32}}
    name: mixture
"""
    )
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nsource: {jsonl: items.jsonl}\nquestion: q\ngold: a\nkind: number\n"
    )
    command = [sys.executable, "-m", "evals.cli.main", "run", "suite.yaml", "--store", "none", "--json"]
    told = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    facts = [run["facts"] for run in json.loads(done.stdout)["runs"]]
    full, half, experts = facts
    assert full["parameters"] == full["active_parameters"]
    assert experts["active_parameters"] < experts["parameters"]
    assert ("float32" in full["precision"], "bfloat16" in half["precision"]) == (True, True)
    assert all(one["context_tokens"] and one["weights"] == "open" for one in facts)
    assert "active" in done.stderr
