"""What works on this machine: one finding a line, each with the evidence or the remedy."""

import importlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

EXTRAS = {
    "local": ("xllamacpp", "local, llama-cpp/…"),
    "transformers": ("transformers", "transformers/…"),
    "vllm": ("vllm", "vllm/…"),
    "ray": ("ray", "--replicas"),
    "math": ("math-verify", "answers that are expressions"),
    "gym": ("reasoning-gym", "reasoning-gym:… tasks"),
    "prices": ("genai-prices", "costs in dollars"),
    "programs": ("sympy", "sympy and numpy for programs"),
}
"""Each extra with the distribution that tells whether it is there, and what needs it."""


class Finding(NamedTuple):
    """What was looked at, whether it works, and the evidence or the remedy."""

    what: str
    works: bool
    told: str


def findings() -> list[Finding]:
    """All of them, in the order in which a newcomer needs them."""
    looks = (_python, _packages, _extras, _model, _gpu, _keys, _store, _sandbox)
    return [finding for look in looks for finding in look()]


def _python() -> list[Finding]:
    told = f"{sys.version.split()[0]} at {sys.executable}"
    works = sys.version_info >= (3, 11)
    return [Finding("Python", works, told if works else f"{told}; 3.11 or newer is needed")]


def _extras() -> list[Finding]:
    """The optional packages; vLLM's builds have names of their own."""
    found = []
    for extra, (name, needs) in EXTRAS.items():
        at = next((known for each in (name, f"{name}-cpu") if (known := _version(each))), None)
        missing = f"not installed; {needs} needs it: pip install 'reasoning-strategies[{extra}]'"
        found.append(Finding(f"extra {extra}", at is not None, f"{name} {at}" if at else missing))
    return found


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _gpu() -> list[Finding]:
    """An NVIDIA GPU by its driver's own tool: no engine is imported for it."""
    tool = shutil.which("nvidia-smi")
    told = "none was found; vllm/… and transformers/… compute on the CPU, which suits small models only"
    if tool is None:
        return [Finding("GPU", False, told)]
    asked = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10)  # noqa: S603 (a path and fixed words)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [Finding("GPU", False, f"{tool} does not answer ({error}); look after the NVIDIA driver")]
    names = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or not names:
        why = " ".join((done.stderr or done.stdout).split())[:200]
        return [Finding("GPU", False, f"{tool} finds none: {why}")]
    return [Finding("GPU", True, "; ".join(names))]


def _packages() -> list[Finding]:
    """Whether the four packages are ours: the index has strangers of the same names."""
    ours = Path(__file__).resolve().parents[2]
    findings = []
    for name in ("reasoning", "strategies", "evals", "sandbox"):
        place = Path(importlib.import_module(name).__file__ or "").resolve()
        works = place.is_relative_to(ours)
        stranger = f"{place} is another project's package: uninstall the distribution that brought it"
        findings.append(Finding(f"package {name}", works, str(place.parent) if works else stranger))
    return findings


def _model() -> list[Finding]:
    from importlib.util import find_spec

    from reasoning.backends.llama_cpp.embedded import INSTALL, embedded_model
    from reasoning.errors import MissingPackageError

    try:
        weights = str(embedded_model())
    except MissingPackageError as error:
        return [Finding("embedded model", False, str(error))]
    engine = find_spec("xllamacpp") is not None
    told = weights if engine else f"its engine xllamacpp is not installed. Install both with: {INSTALL}"
    return [Finding("embedded model", engine, told)]


def _keys() -> list[Finding]:
    key = bool(os.environ.get("OPENAI_API_KEY"))
    told = "OPENAI_API_KEY is set" if key else "OPENAI_API_KEY is not set; openai/… needs it"
    return [Finding("OpenAI key", key, told)]


def _store() -> list[Finding]:
    from reasoning.errors import StoreError
    from reasoning.store.place import default_path, network_type

    place = default_path()
    try:
        folder = next(parent for parent in place.parents if parent.exists())
        network = network_type(folder)
    except (StoreError, OSError) as error:
        return [Finding("store of draws", False, str(error))]
    if network:
        return [Finding("store of draws", False, f"{place} is on a network file system ({network}); use --store FILE")]
    works = os.access(folder, os.W_OK)
    return [Finding("store of draws", works, str(place) if works else f"{folder} cannot be written; use --store FILE")]


def _sandbox() -> list[Finding]:
    from sandbox import doctor as examine

    found = examine()
    layers = [
        Finding(f"sandbox layer {layer.name}", layer.active, f"{layer.evidence} {layer.remedy or ''}".strip())
        for layer in found.layers
    ]
    levels = [
        Finding(f"sandbox level {name}", problem is None, problem or "available")
        for name, problem in found.levels.items()
    ]
    return [*layers, *levels]
