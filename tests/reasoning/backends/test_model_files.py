"""What model folders say of themselves: read from files made here, with no engine."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from reasoning.backends.model_files import experts, folder_identity, parameters


def safetensors(path: Path, shapes: Mapping[str, list[int]]) -> None:
    entries = {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    head = json.dumps({"__metadata__": {"format": "pt"}, **entries}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head)


def folder(path: Path, shapes: Mapping[str, list[int]], **config: object) -> Path:
    path.mkdir()
    safetensors(path / "model.safetensors", shapes)
    (path / "config.json").write_text(json.dumps(config))
    (path / "tokenizer.json").write_text("{}")
    return path


def test_identity_follows_weights_and_tokenizer_apart(tmp_path: Path) -> None:
    sizes = {"one": 3, "same": 3, "other": 4}
    one, same, other = (folder_identity(folder(tmp_path / name, {"w": [n, 2]})) for name, n in sizes.items())
    assert one == same
    assert other["weights"] != one["weights"]
    assert other["tokenizer"] == one["tokenizer"]
    (tmp_path / "same" / "chat_template.jinja").write_text("{{ messages }}")
    template = folder_identity(tmp_path / "same")
    assert template["weights"] == one["weights"]
    assert template["tokenizer"] != one["tokenizer"]
    (tmp_path / "one" / "README.md").write_text("words")
    assert folder_identity(tmp_path / "one") == one


def test_parameters_of_a_dense_model_all_take_part(tmp_path: Path) -> None:
    path = folder(tmp_path / "dense", {"embed": [10, 4], "layer.mlp.weight": [4, 4]})
    safetensors(path / "model-2.safetensors", {"norm": [4]})
    assert parameters(path) == (60, 60)


def test_of_experts_only_those_in_use_take_part(tmp_path: Path) -> None:
    each = {f"layers.0.mlp.experts.{n}.up.weight": [8, 4] for n in range(4)}
    path = folder(tmp_path / "moe", {"embed": [10, 4], **each}, num_experts=4, num_experts_per_tok=1)
    assert parameters(path) == (168, 72)
    together = {"embed": [10, 4], "layers.0.mlp.experts.gate_up": [4, 8, 4]}
    text = {"num_local_experts": 4, "num_experts_per_tok": 2}
    assert parameters(folder(tmp_path / "fused", together, text_config=text)) == (168, 104)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, (0, 0)),
        ({"num_experts": None, "num_local_experts": 8, "num_experts_per_tok": 2}, (8, 2)),
        ({"moe_num_experts": 64, "moe_k": 6}, (64, 6)),
        ({"num_experts": 64, "moe_topk": [8, 8]}, (64, 8)),
        ({"num_experts": 0, "n_routed_experts": 16, "experts_per_token": 4}, (16, 4)),
    ],
)
def test_experts_by_the_names_that_models_give_them(config: dict[str, object], expected: tuple[int, int]) -> None:
    assert experts(config.get) == expected


def test_packed_weights_do_not_tell_how_many_they_are(tmp_path: Path) -> None:
    path = folder(tmp_path / "packed", {"layer.qweight": [4, 4]}, quantization_config={"quant_method": "awq"})
    assert parameters(path) is None
