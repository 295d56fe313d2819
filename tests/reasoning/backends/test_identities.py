"""Every option of a local engine that can change a text makes another model for the store."""

from typing import Any

import pytest

from reasoning.backends.transformers.identity import identity
from reasoning.backends.transformers.options import TransformersOptions
from reasoning.backends.transformers.source import Source

OTHERS: dict[str, Any] = {
    "quantization": "quanto-int8",
    "attn_implementation": "eager",
    "trust_remote_code": True,
    "chat_template": "{{ messages }}",
    "template_args": {"enable_thinking": False},
    "think_tags": False,
}
STATED_BY_WHAT_IS_LOADED = {"device", "dtype", "revision", "gguf_file"}
SAME: dict[str, Any] = {"max_batch": 3, "batch_tokens": 4096, "context_tokens": 512, "thinks": True}


def of(**options: Any) -> Any:
    files = Source(name="org/model", local=False)
    return identity(files, "c0ffee", TransformersOptions(**options), precision="float32", device="cpu")


def test_each_option_of_transformers_is_known() -> None:
    known = OTHERS.keys() | SAME.keys() | STATED_BY_WHAT_IS_LOADED
    assert known >= TransformersOptions.model_fields.keys()


@pytest.mark.parametrize("name", OTHERS)
def test_an_option_that_changes_texts_makes_another_model(name: str) -> None:
    assert of(**{name: OTHERS[name]}) != of()


@pytest.mark.parametrize("name", SAME)
def test_an_option_that_changes_no_text_does_not(name: str) -> None:
    assert of(**{name: SAME[name]}) == of()
