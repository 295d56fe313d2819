"""Which options vLLM's engine takes, by name: told without importing vLLM, which takes tens of seconds.

Where vLLM is installed its own source is read; elsewhere the names of vLLM 0.32 stand beside this file, so that a
mistyped option is found on any machine.
"""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

TAKEN = frozenset(
    {
        "model",
        "model_weights",
        "served_model_name",
        "runner",
        "convert",
        "skip_tokenizer_init",
        "tokens_only",
        "disable_log_stats",
        "enable_log_requests",
        "aggregate_engine_logging",
        "log_level",
        "log_config_file",
        "logging_config",
        "fail_on_environ_validation",
    }
)
"""Those that are settled here: the model is in the spec, what is drawn is text, and logging is the caller's."""

_LISTED = Path(__file__).with_name("engine_args.txt")
_CLASSES = ("EngineArgs", "AsyncEngineArgs")


def installed() -> Path | None:
    """The folder of the installed vLLM; None where there is none."""
    spec = find_spec("vllm")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) if folders else None


@cache
def engine_args(folder: Path | None) -> tuple[str, ...]:
    """The names of the engine's options, sorted.

    Args:
        folder: vLLM's, see `installed`; None for the names of vLLM 0.32.
    """
    names = set(_LISTED.read_text().split())
    if folder is not None and (source := folder / "engine" / "arg_utils.py").is_file():
        names = _fields(ast.parse(source.read_text(encoding="utf-8"))) or names
    return tuple(sorted(name for name in names - TAKEN if not name.startswith("_")))


def _fields(module: ast.Module) -> set[str]:
    classes = (node for node in module.body if isinstance(node, ast.ClassDef) and node.name in _CLASSES)
    return {
        field.target.id
        for one in classes
        for field in one.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    }
