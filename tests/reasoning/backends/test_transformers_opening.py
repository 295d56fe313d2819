"""The transformers backend where its engine is not needed: which files a spec means, and what is missing."""

from pathlib import Path

import pytest

import reasoning
from reasoning.backends.transformers import loading, source
from reasoning.errors import ConfigError, MissingPackageError, UnknownNameError


def test_a_spec_is_a_folder_a_gguf_file_or_a_name_on_the_hub(tmp_path: Path) -> None:
    folder, file = tmp_path / "model", tmp_path / "small.gguf"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    file.write_bytes(b"GGUF")
    assert source.find(str(folder), None) == source.Source(str(folder), local=True)
    found = source.find(str(file), None)
    assert (found.name, found.gguf, found.gguf_path, found.title) == (str(tmp_path), "small.gguf", file, "small")
    assert source.find("organisation/model-1.5b", None) == source.Source("organisation/model-1.5b", local=False)
    assert source.find("organisation/model", "q4.gguf").gguf == "q4.gguf"


def test_a_folder_of_gguf_files_wants_one_named(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    assert source.find(str(tmp_path), None).gguf == "a.gguf"
    (tmp_path / "b.gguf").write_bytes(b"GGUF")
    with pytest.raises(ConfigError, match=r"name one with gguf_file: a\.gguf, b\.gguf"):
        source.find(str(tmp_path), None)
    assert source.find(str(tmp_path), "b.gguf").gguf == "b.gguf"
    with pytest.raises(ConfigError, match="gguf_file cannot be 'c.gguf'"):
        source.find(str(tmp_path), "c.gguf")


@pytest.mark.parametrize("model", ["smolm", "smolm.gguf"])
def test_a_path_that_is_not_there_names_the_nearest(tmp_path: Path, model: str) -> None:
    (tmp_path / "smollm2").mkdir()
    with pytest.raises(ConfigError, match=r"no model folder or file .*smolm.*Did you mean '.*smollm2'\?"):
        source.find(str(tmp_path / model), None)


def test_a_folder_without_a_model_and_a_file_of_another_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(ConfigError, match="neither a config.json nor a GGUF file"):
        source.find(str(tmp_path), None)
    with pytest.raises(ConfigError, match="no GGUF file"):
        source.find(str(tmp_path / "notes.txt"), None)


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package_gives_the_install_line(
    package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(loading, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(MissingPackageError, match=r"pip install 'reasoning-strategies\[transformers\]'") as error:
        reasoning.open_backend(f"transformers/{tmp_path}")
    assert error.value.package == package


def test_options_are_checked_by_name() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'dtype'"):
        reasoning.open_backend("transformers/some/model", dtyp="float32")
    for option, value in {"device": "gpu", "dtype": "int3", "max_batch": 0, "context_tokens": -1}.items():
        with pytest.raises(ConfigError, match=f"'{option}' cannot be"):
            reasoning.open_backend("transformers/some/model", **{option: value})
