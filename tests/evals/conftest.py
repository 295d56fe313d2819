"""Real problems for the tests of tasks."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def gsm8k() -> Path:
    """The folder with GSM8K's test.jsonl and train.jsonl: under `REASONING_TEST_DATA`, or beside the repository."""
    folder = Path(os.environ.get("REASONING_TEST_DATA") or BESIDE) / "gsm8k"
    if not (folder / "test.jsonl").exists():
        pytest.skip(f"GSM8K is not in {folder}: set REASONING_TEST_DATA to the folder that holds gsm8k/test.jsonl")
    return folder
