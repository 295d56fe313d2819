"""The options of `vllm/<model or path>`: those that are ours, and every one of vLLM's engine."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, create_model

from reasoning.backends.vllm.engine_args import engine_args, installed
from reasoning.thoughts import ThinkTags

OURS = frozenset({"chat_template", "template_args", "reasoning_parser", "think_tags", "seeded", "thinks"})
"""Options that are not the engine's."""


class VLLMOptions(BaseModel):
    """Options of `vllm/<model or path>`; those that are None are left to vLLM.

    Any other option of vLLM's engine is taken by its name in `vllm.EngineArgs` (`block_size`, `hf_overrides`,
    `speculative_config`, `tokenizer`, …); vLLM checks its value.

    Attributes:
        dtype: The weights' number format; `"auto"` is the model's own.
        quantization: How the weights are quantised (`"awq"`, `"gptq"`, `"fp8"`, …); None for what the model says.
        tensor_parallel_size: GPUs that share each layer.
        pipeline_parallel_size: Stages that the layers are split over.
        max_model_len: Prompt and completion tokens that fit in one draw; None for the model's own context. Less of it
            needs less memory.
        gpu_memory_utilization: Share of a GPU's memory (on a CPU, of the machine's) for weights and cache.
        kv_cache_memory_bytes: Bytes for the cache of keys and values, in place of what that share leaves; on a CPU
            4 GiB where neither is set.
        max_num_seqs: Most draws decoded at once.
        enforce_eager: No compilation and no CUDA graphs: starts sooner, decodes slower.
        enable_prefix_caching: Whether a prompt that starts like an earlier one skips the shared part.
        max_logprobs: Most alternatives a token.
        seed: The engine's own seed, which unseeded draws come from; None for one by chance, so that two runs never
            draw the same texts.
        chat_template: A Jinja template in place of the model's own.
        template_args: Arguments for the chat template, e.g. `{"enable_thinking": False}`.
        thinks: Whether the model thinks before it answers, where its chat template does not say so (fine-tunes
            that keep another model's template); None for what the template says.
        reasoning_parser: The name of vLLM's parser that tells reasoning text from the answer (`"qwen3"`,
            `"deepseek_r1"`, …); else `think_tags` do.
        think_tags: Moves thoughts that stand in a chat's answer to the reasoning text: `<think>…</think>`,
            `<thinking>`, `[THINK]`, gpt-oss's channels and their kin, opened, closed or both. A list names further
            tags: `plan` for `<plan>…</plan>`, or both with an ellipsis between them (`"<|plan|>…<|/plan|>"`).
        seeded: False draws without seeds, which some of vLLM's samplers do faster; the draws are stored all the same,
            under an identity of their own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dtype: Literal["auto", "bfloat16", "float16", "float32", "half", "float"] | None = None
    quantization: str | None = None
    tensor_parallel_size: PositiveInt | None = None
    pipeline_parallel_size: PositiveInt | None = None
    max_model_len: PositiveInt | None = None
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] | None = None
    kv_cache_memory_bytes: PositiveInt | None = None
    max_num_seqs: PositiveInt | None = None
    enforce_eager: bool | None = None
    enable_prefix_caching: bool | None = None
    max_logprobs: Annotated[int, Field(ge=0)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    chat_template: str | None = None
    template_args: Mapping[str, Any] = {}
    thinks: bool | None = None
    reasoning_parser: str | None = None
    think_tags: ThinkTags = True
    seeded: bool = True

    @property
    def engine(self) -> dict[str, Any]:
        """The engine's options that are set."""
        return {name: value for name, value in self if name not in OURS and value is not None}


def options_class() -> type[VLLMOptions]:
    """`VLLMOptions` with a field for every option of the installed engine."""
    others = [name for name in engine_args(installed()) if name not in VLLMOptions.model_fields]
    fields: Any = dict.fromkeys(others, (Any, None))
    return create_model("VLLMOptions", __base__=VLLMOptions, __doc__=VLLMOptions.__doc__, **fields)
