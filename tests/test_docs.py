"""What is generated from the code is as the code is, and what is linked is there."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["command-line.md", "strategies.md", "tasks.md"])
def test_the_reference_is_as_the_code_is(page: str) -> None:
    assert (ROOT / "docs" / "reference" / page).read_text() == generator().PAGES[page](), "run: make docs"


def test_every_link_of_the_documents_leads_somewhere() -> None:
    documents = [place for place in ROOT.rglob("*.md") if not {".venv", ".cache"} & set(place.parts)]
    documents = [place for place in documents if not any(part.startswith(".venv") for part in place.parts)]
    broken = [
        f"{document.relative_to(ROOT)}: {link}"
        for document in documents
        for link in LINK.findall(document.read_text())
        if not (document.parent / link).exists()
    ]
    assert len(documents) > 8
    assert broken == []
