"""Which file of a hub repository is fetched, and what is said where there is no network."""

from pathlib import Path

import huggingface_hub
import pytest

from reasoning.backends.hub import choose, is_repository, model_from_hub
from reasoning.errors import BackendError, ConfigError

FILES = ["README.md", "m-Q4_K_M.gguf", "m-Q8_0.gguf", "m-IQ4_K_M.gguf", "mmproj-m-f16.gguf"]


def _unreachable(self: object, repository: str) -> list[str]:
    raise ConnectionError("no route to host\nmore")


def test_what_is_a_repository() -> None:
    assert is_repository("Qwen/Qwen3-0.6B-GGUF")
    assert is_repository("Qwen/Qwen3-0.6B-GGUF:Q8_0")
    assert not is_repository("models/m.gguf")
    assert not is_repository("/models/m")
    assert not is_repository("m.gguf")


def test_the_quantisation_is_chosen_by_name() -> None:
    assert choose(FILES, "", "o/m") == ["m-Q4_K_M.gguf"]
    assert choose(FILES, "q8_0", "o/m") == ["m-Q8_0.gguf"]
    assert choose(["a-f16.gguf"], "", "o/m") == ["a-f16.gguf"]
    parts = [f"Q8_0/m-Q8_0-0000{n}-of-00003.gguf" for n in (2, 1, 3)]
    assert choose(parts, "Q8_0", "o/m") == sorted(parts)


def test_an_absent_quantisation_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no GGUF file for 'Q2_K'; it has: m-IQ4_K_M\.gguf, m-Q4_K_M\.gguf"):
        choose(FILES, "Q2_K", "o/m")
    with pytest.raises(ConfigError, match="it has: none"):
        choose(["README.md"], "", "o/m")


def test_a_model_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[tuple[str, str]] = []

    def download(repository: str, file: str) -> str:
        fetched.append((repository, file))
        return str(tmp_path / file)

    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda self, repository: FILES)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert model_from_hub("o/m:Q8_0") == tmp_path / "m-Q8_0.gguf"
    assert fetched == [("o/m", "m-Q8_0.gguf")]


def test_without_a_network_the_hubs_cache_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "models--o--m" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "m-Q8_0.gguf").write_bytes(b"GGUF")
    refs = tmp_path / "models--o--m" / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", _unreachable)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert model_from_hub("o/m") == snapshot / "m-Q8_0.gguf"


def test_without_network_and_cache_one_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", _unreachable)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BackendError, match=r"ConnectionError: no route to host\) nor in its local cache") as caught:
        model_from_hub("o/m")
    assert "\n" not in str(caught.value)
