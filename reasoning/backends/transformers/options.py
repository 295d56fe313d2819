"""The options of `transformers/<model or path>`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from reasoning.thoughts import ThinkTags


class TransformersOptions(BaseModel):
    """Options of `transformers/<model or path>`.

    Attributes:
        device: `"cpu"`, `"cuda"`, `"cuda:1"`, `"mps"`; `"auto"` takes a GPU where PyTorch sees one.
        dtype: The weights' number format; `"auto"` is the model's own. Only float32 on a CPU makes draws independent of
            what they are batched with.
        quantization: Quantises the weights while they are loaded: `"bitsandbytes-8bit"`, `"bitsandbytes-4bit"`,
            `"quanto-int8"`, `"quanto-int4"`, `"hqq-4bit"`, or the fields of any of transformers' quantization configs
            (`{"quant_method": "bitsandbytes", "load_in_4bit": True}`). A model that is quantised already needs none.
        attn_implementation: How attention is computed (`"sdpa"`, `"eager"`, `"flash_attention_2"`); None for
            transformers' own choice.
        max_batch: Most draws decoded at once; None for 32 on a CPU and 256 on a GPU.
        batch_tokens: Most tokens of keys and values held at once, draws × the longest of them; None for what fits
            in nine tenths of a GPU's free memory, on a CPU in half of it.
        context_tokens: Prompt and completion tokens that fit in one draw; None for the model's own context.
        revision: Branch, tag or commit of a model on the hub.
        gguf_file: Which GGUF file of a folder or hub repository holds the weights.
        trust_remote_code: Runs Python code that comes with the model.
        chat_template: A Jinja template in place of the model's own.
        template_args: Arguments for the chat template, e.g. `{"enable_thinking": False}`.
        thinks: Whether the model thinks before it answers, where its chat template does not say so (fine-tunes
            that keep another model's template); None for what the template says.
        think_tags: Moves thoughts that stand in a chat's answer to the reasoning text: `<think>…</think>`,
            `<thinking>`, `[THINK]`, gpt-oss's channels and their kin, opened, closed or both. A list names further
            tags: `plan` for `<plan>…</plan>`, or both with an ellipsis between them (`"<|plan|>…<|/plan|>"`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    quantization: str | Mapping[str, Any] | None = None
    attn_implementation: str | None = None
    max_batch: Annotated[int, Field(ge=1, le=4096)] | None = None
    batch_tokens: PositiveInt | None = None
    context_tokens: PositiveInt | None = None
    revision: str | None = None
    gguf_file: str | None = None
    trust_remote_code: bool = False
    chat_template: str | None = None
    template_args: Mapping[str, Any] = {}
    thinks: bool | None = None
    think_tags: ThinkTags = True
