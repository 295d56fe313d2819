"""`import reasoning` is light, and each of its public names imports."""

import json
import subprocess
import sys

import reasoning

HEAVY = {"torch", "openai", "datasets", "scipy", "rich", "sympy", "numpy", "transformers", "vllm", "ray", "pandas"}


def _modules_after(statement: str) -> set[str]:
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(m.partition('.')[0] for m in sys.modules)))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(out.stdout))


def test_import_reasoning_loads_nothing_heavy() -> None:
    assert not _modules_after("import reasoning") & HEAVY


def test_using_the_public_names_loads_nothing_heavy() -> None:
    assert not _modules_after("from reasoning import *") & HEAVY


def test_every_public_name_is_there() -> None:
    for name in reasoning.__all__:
        assert getattr(reasoning, name) is not None
    assert set(reasoning.__all__) == set(reasoning._NAMES) <= set(dir(reasoning))
