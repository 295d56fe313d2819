"""What the vLLM backend says of wrong options, models and machines, before vLLM is imported: no engine runs here."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import reasoning
from reasoning import Request, Sampling
from reasoning.backends.opening import resolve
from reasoning.backends.vllm import VLLM, VLLMOptions, engine_args, source, troubles
from reasoning.backends.vllm.options import OURS
from reasoning.backends.vllm.prompts import Prompts
from reasoning.errors import BackendError, ConfigError, MissingPackageError, UnknownNameError


def test_an_effort_that_a_plain_text_cannot_be_given_is_told() -> None:
    prompts = Prompts(SimpleNamespace(encode=lambda text, **_: [1, 2]), None, {"enable_thinking": False})
    assert prompts.of(Request(prompt="Q:")).notes == ()
    assert "reasoning effort" in prompts.of(Request(prompt="Q:", sampling=Sampling(effort="low"))).notes[0]


def test_a_mistyped_option_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'tensor_parallel_size'"):
        reasoning.open_backend("vllm/any/model", tensor_paralel_size=2)
    with pytest.raises(UnknownNameError, match="Did you mean 'gpu_memory_utilization'"):
        reasoning.open_backend("vllm/any/model", gpu_memory_utilisation=0.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gpu_memory_utilization", 1.5),
        ("gpu_memory_utilization", 0),
        ("max_model_len", 0),
        ("tensor_parallel_size", -1),
        ("dtype", "int3"),
        ("seed", 2**31),
        ("enforce_eager", "perhaps"),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        reasoning.open_backend("vllm/any/model", **{name: value})


def test_what_is_settled_here_is_no_option() -> None:
    for name in ("model", "runner", "disable_log_stats", "skip_tokenizer_init"):
        with pytest.raises(UnknownNameError):
            reasoning.open_backend("vllm/any/model", **{name: "x"})


def test_every_option_of_the_engine_is_taken_and_passed_on() -> None:
    given = {"block_size": 32, "hf_overrides": {"a": 1}, "max_num_seqs": 8, "chat_template": "x", "seeded": False}
    _, _, options = resolve("vllm/any/model", given)
    assert isinstance(options, VLLMOptions)
    assert options.engine == {"block_size": 32, "hf_overrides": {"a": 1}, "max_num_seqs": 8}
    assert not options.seeded


def test_the_documented_options_are_the_engines_own_names_or_ours() -> None:
    listed = set(engine_args.engine_args(None))
    assert set(VLLMOptions.model_fields) - OURS - {"reasoning_parser"} <= listed
    assert set(VLLM.Options.model_fields) >= listed


def test_the_installed_engines_own_names_are_read_without_importing_it(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "arg_utils.py").write_text(
        "import not_there\n\n@dataclass\nclass EngineArgs:\n    model: str = 'm'\n    brand_new: int = 1\n"
        "    _private: int = 0\n    limit = 3\n\nclass AsyncEngineArgs(EngineArgs):\n    another: bool = False\n"
    )
    assert engine_args.engine_args(tmp_path) == ("another", "brand_new")


def test_a_typo_costs_no_import_and_exits_with_2() -> None:
    program = (
        "import sys\nfrom evals.cli.main import main\n"
        "sys.argv = ['reasoning', 'solve', '1 + 1?', '--backend', 'vllm/any/model', '-B', 'max_model_length=9']\n"
        "try:\n    main()\nfinally:\n"
        "    print(sorted({'torch', 'vllm', 'transformers'} & sys.modules.keys()), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "Did you mean 'max_model_len'" in done.stderr
    assert done.stderr.rstrip().endswith("[]")
    assert done.stdout == ""


def test_a_missing_engine_gives_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasoning.backends.vllm.driver.installed", lambda: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'reasoning-strategies\[vllm\]'"):
        VLLM.open("any/model", VLLMOptions())


def test_a_path_that_is_no_model_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no model folder .*absent"):
        source.find_source(f"{tmp_path}/absent", {})
    with pytest.raises(ConfigError, match=r"has no config\.json"):
        source.find_source(str(tmp_path), {})
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    with pytest.raises(ConfigError, match=r"write llama-cpp/.*m\.gguf"):
        source.find_source(f"{tmp_path}/m.gguf", {})


def test_a_repository_is_pinned_to_its_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: SimpleNamespace(sha=commit))
    found = source.find_source("org/name", {})
    assert found.arguments == {"model": "org/name", "revision": commit}
    assert found.identity == {"weights": f"hub:org/name@{commit}"}
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", _unreachable)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(tmp_path / commit))
    cached = source.find_source("org/name", {})
    assert cached.arguments == {"model": str(tmp_path / commit)}
    assert cached.identity == found.identity, "what is in the cache is the same model"


def _unreachable(*_: object, **__: object) -> None:
    raise ConnectionError("no route to the hub")


def test_an_unknown_repository_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", _unreachable)
    with pytest.raises(BackendError, match=r"nobody/nothing.*neither on the hub.*no route.*model folder's path"):
        source.find_source("nobody/nothing-of-that-name", {})


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (
            "ValueError: To serve at least one request with the models's max seq len (8192), (0.35 GiB KV cache is "
            "needed, which is larger than the available KV cache memory (0.01 GiB).",
            ("not enough memory", "max_model_len", "gpu_memory_utilization", "0.35 GiB"),
        ),
        (
            "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
            ("not enough memory", "tensor_parallel_size"),
        ),
        ("RuntimeError: Failed to infer device type", ("no GPU", "llama-cpp")),
        ("KeyError: 'strange'", ("does not start", "strange")),
    ],
)
def test_what_the_engine_says_becomes_one_sentence_with_the_option(said: str, named: tuple[str, ...]) -> None:
    message = str(troubles.of_start("some/model", said, RuntimeError("Engine core initialization failed.")))
    assert all(words in message for words in named)
    assert "\n" not in message


def test_a_context_beyond_the_models_is_a_wrong_option() -> None:
    words = "User-specified max_model_len (9000) is greater than the derived max_model_len (8192)"
    error = troubles.of_settings("some/model", ValueError(words))
    assert isinstance(error, ConfigError)
    assert "max_model_len" in str(error)
    assert "8192" in str(error)
