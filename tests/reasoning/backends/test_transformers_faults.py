"""The transformers backend where something is wrong: devices, memory, kinds of models, faults while it decodes."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reasoning import Completion, Request, Sampling
from reasoning.backends.transformers import Transformers, TransformersOptions, loading
from reasoning.errors import BackendError, ConfigError, MissingPackageError

pytestmark = pytest.mark.transformers


@pytest.fixture(scope="module")
def folder() -> Path:
    from model_folder import tiny_folder

    return tiny_folder("dense")


def opened(folder: Path, **options: Any) -> Transformers:
    return Transformers.open(str(folder), TransformersOptions.model_validate({"device": "cpu", **options}))


@pytest.fixture
def backend(folder: Path) -> Iterator[Transformers]:
    found = opened(folder, dtype="float32", max_batch=8)
    yield found
    asyncio.run(found.aclose())


def draw(backend: Transformers, count: int = 1, max_tokens: int = 12) -> list[Completion]:
    request = Request(prompt="Once there was", sampling=Sampling(temperature=1.0, max_tokens=max_tokens))
    return asyncio.run(backend.complete(request, range(count)))


# Before a run starts


def test_a_device_that_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"device cannot be 'cuda': PyTorch .* sees no CUDA device.*device=cpu"):
        opened(folder, device="cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match=r"'cuda:2'.*sees 2 CUDA devices"):
        opened(folder, device="cuda:2")


def test_a_model_that_does_not_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "free_bytes", lambda device: 1000)
    with pytest.raises(ConfigError, match=r"does not fit: its weights take .* GiB.*smaller dtype, a quantization"):
        opened(folder)


def test_a_context_beyond_the_models(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"context_tokens cannot be 513: the model's context is 512 tokens"):
        opened(folder, context_tokens=513)


def test_quantisation_by_name(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"quantization cannot be 'int3'; known are bitsandbytes-8bit"):
        opened(folder, quantization="int3")
    with pytest.raises(ConfigError, match=r"quantization cannot be \{'quant_method': 'nonsense'\}"):
        opened(folder, quantization={"quant_method": "nonsense"})


@pytest.mark.parametrize("name", loading.QUANTIZATIONS)
def test_a_quantisation_whose_package_is_missing(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        loading, "find_spec", lambda package: object() if package in ("torch", "transformers") else None
    )
    with pytest.raises(MissingPackageError, match=r"Install it with: pip install (bitsandbytes|optimum-quanto|hqq)$"):
        opened(folder, quantization=name)


def test_kinds_of_models_that_are_not_served(tmp_path: Path) -> None:
    from transformers import MambaConfig, MambaForCausalLM, T5Config

    state = MambaForCausalLM(MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=1, state_size=4))
    state.save_pretrained(tmp_path / "mamba")
    T5Config(vocab_size=64, d_model=16, num_layers=1).save_pretrained(tmp_path / "t5")
    with pytest.raises(ConfigError, match=r"'mamba' \(mamba\) keeps a recurrent state.*vllm/"):
        opened(tmp_path / "mamba")
    with pytest.raises(ConfigError, match=r"'t5' \(t5\) reads with one half"):
        opened(tmp_path / "t5")


def test_files_that_are_no_model(tmp_path: Path) -> None:
    small = '"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "vocab_size": 64'
    (tmp_path / "config.json").write_text(f'{{"model_type": "llama", {small}}}')
    with pytest.raises(BackendError, match="transformers does not load"):
        opened(tmp_path)


def test_a_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*_: Any, **__: Any) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
    with pytest.raises(BackendError, match=r"'no-such/model' is neither a folder or file here nor in the hub's local"):
        Transformers.open("no-such/model", TransformersOptions(device="cpu"))


def test_a_model_that_the_hub_does_not_have(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    def refuse(error: type[Exception]) -> None:
        def model_info(*_: Any, **__: Any) -> None:
            raise error.__new__(error)  # its own way in wants an answer of the hub

        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)

    monkeypatch.chdir(tmp_path)
    (tmp_path / "no-such").mkdir()
    (tmp_path / "no-such" / "models").mkdir()
    refuse(RepositoryNotFoundError)
    with pytest.raises(
        ConfigError, match=r"neither a folder or file here nor on the hub.*Did you mean 'no-such/models'"
    ):
        Transformers.open("no-such/model", TransformersOptions(device="cpu"))
    refuse(RevisionNotFoundError)
    with pytest.raises(ConfigError, match="has no revision 'v9'"):
        Transformers.open("some/model", TransformersOptions(device="cpu", revision="v9"))


# While it decodes


class Faulty:
    """Makes the model fail at calls of more rows than it can take."""

    def __init__(self, backend: Transformers, most_rows: int, error: Exception) -> None:
        self.most_rows, self.error, self.failed = most_rows, error, 0
        backend._engine.batch._model.register_forward_pre_hook(self._check, with_kwargs=True)

    def _check(self, _model: Any, _args: Any, given: dict[str, Any]) -> None:
        if given["input_ids"].shape[0] > self.most_rows:
            self.failed += 1
            raise self.error


def out_of_memory() -> Exception:
    import torch

    error: Exception = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    return error


@pytest.mark.parametrize("fault", [out_of_memory, lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_out_of_memory_halves_the_batch_and_loses_no_draw(
    backend: Transformers, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    unhurt = draw(backend, 8)
    faulty = Faulty(backend, 3, fault())
    with caplog.at_level(logging.WARNING):
        halved = draw(backend, 8)
    assert faulty.failed == 2, "at 8 draws and at 4"
    assert [(c.text, c.usage) for c in halved] == [(c.text, c.usage) for c in unhurt], "taken up again where they were"
    notes = {note for c in halved for note in c.degradations}
    assert "Memory ran out at 8 draws at once: 4 at once from then on." in notes
    assert "max_batch=2" in caplog.text
    assert all(not c.degradations for c in draw(backend, 8))


def test_out_of_memory_in_the_midst_of_a_batch_loses_no_token(backend: Transformers) -> None:
    unhurt = draw(backend, 6, max_tokens=40)
    calls = 0

    def check(_model: Any, _args: Any, given: dict[str, Any]) -> None:
        nonlocal calls
        calls += 1
        if given["input_ids"].shape[0] > 3 and calls > 10:
            raise out_of_memory()

    backend._engine.batch._model.register_forward_pre_hook(check, with_kwargs=True)
    assert [(c.text, c.usage) for c in draw(backend, 6, max_tokens=40)] == [(c.text, c.usage) for c in unhurt]


def test_out_of_memory_at_a_single_draw_fails_it(backend: Transformers) -> None:
    Faulty(backend, 0, out_of_memory())
    failure = draw(backend)[0].failure
    assert failure is not None
    assert (failure.kind, failure.retryable) == ("server_error", False)
    assert "smaller context_tokens" in failure.message


def test_a_fault_of_the_model_fails_its_batch_and_no_more(
    backend: Transformers, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = Faulty(backend, 1, ValueError("a bug"))
    with caplog.at_level(logging.CRITICAL, logger="reasoning.backends.transformers"):
        completions = draw(backend, 4)
    assert {c.failure.message for c in completions if c.failure} == {"transformers failed: ValueError: a bug"}
    faulty.most_rows = 100
    assert all(c.failure is None for c in draw(backend, 4))


def test_logits_that_are_no_numbers_fail_their_draw(backend: Transformers) -> None:
    import torch

    with torch.no_grad():
        backend._engine.batch._model.lm_head.weight[5] = float("nan")
    failure = draw(backend)[0].failure
    assert failure is not None
    assert "not numbers; give dtype=float32" in failure.message
