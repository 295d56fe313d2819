"""GGUF models in this process, by llama.cpp's continuous batching; `local` is the embedded one."""

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from reasoning.backends.backend import Capabilities
from reasoning.backends.explaining import Explained, settings_asked
from reasoning.backends.facts import ModelFacts
from reasoning.backends.hub import is_repository, model_from_hub
from reasoning.backends.llama_cpp.embedded import embedded_model
from reasoning.backends.llama_cpp.engine import EngineSettings, LlamaEngine, is_exact, on_gpu
from reasoning.backends.llama_cpp.gguf import GgufHeader, read_header, sha256
from reasoning.backends.llama_cpp.loopback import LoopbackError
from reasoning.backends.llama_cpp.wire import Drawn, call_body, completion, failure_of, token_texts
from reasoning.backends.memory import PeakMemory
from reasoning.backends.slots import Slots
from reasoning.backends.template_facts import thinks_by_template
from reasoning.backends.thought_prefill import behind, goes_on_in_thoughts
from reasoning.completion import Completion, Failure
from reasoning.draws import consecutive_runs, draw_key, draw_seed, identity_text
from reasoning.errors import BackendError, ConfigError
from reasoning.request import Request
from reasoning.thoughts import Tags, ThinkTags, budget_left_out, effort_left_out

MOST_CONTEXT = 4096
"""Context of a draw, in tokens, where none is asked for."""
CONTEXT_UNIT = 256
"""llama.cpp sets contexts aside in multiples of this many tokens."""


class LlamaCppOptions(BaseModel):
    """Options of `llama-cpp/<file.gguf or hub repo>`.

    Attributes:
        n_ctx: Prompt and completion tokens that fit in one draw, rounded up to a multiple of 256 (llama.cpp's unit);
            None for the model's own context, at most 4096. Memory for all of it is set aside in every slot.
        n_parallel: Draws that are decoded at once (slots).
        threads: Threads that compute; None for one a usable CPU, at most 16.
        gpu_layers: Layers on a GPU, -1 for as many as fit; without effect where xllamacpp was built for CPUs.
        kv_cache: The type of cached keys and values; None for `"bf16"` on a CPU, where it makes draws independent of
            what they are batched with, and `"f16"` on a GPU.
        cache_prompt: Whether a prompt that starts like an earlier one skips the shared part; None where that leaves
            draws exactly as they are.
        chat_template: A Jinja template in place of the model's own.
        template_args: Arguments for the chat template, e.g. `{"enable_thinking": False}`.
        thinks: Whether the model thinks before it answers, where its chat template does not say so (fine-tunes
            that keep another model's template); None for what the template says.
        think_tags: Moves thoughts that stand in a chat's answer to the reasoning text: `<think>…</think>`,
            `<thinking>`, `[THINK]`, gpt-oss's channels and their kin, opened, closed or both. A list names further
            tags: `plan` for `<plan>…</plan>`, or both with an ellipsis between them (`"<|plan|>…<|/plan|>"`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_ctx: Annotated[int, Field(ge=1)] | None = None
    n_parallel: Annotated[int, Field(ge=1, le=256)] = 8
    threads: Annotated[int, Field(ge=1, le=512)] | None = None
    gpu_layers: Annotated[int, Field(ge=-1)] = -1
    kv_cache: Literal["bf16", "f16"] | None = None
    cache_prompt: bool | None = None
    chat_template: str | None = None
    template_args: Mapping[str, Any] = {}
    thinks: bool | None = None
    think_tags: ThinkTags = True


class LocalOptions(LlamaCppOptions):
    """Options of `local`: those of `llama-cpp/…`, with defaults that suit a small model and few CPUs.

    Decoding its type of weights more at once is not faster on a CPU (measured: 40 tokens/s of two CPUs' time with 4
    slots, 32 with 8, 26 with 16 at 24 few-shot prompts): each slot more computes the shared prefix once more.
    """

    n_ctx: Annotated[int, Field(ge=1)] | None = 2048
    n_parallel: Annotated[int, Field(ge=1, le=256)] = 4


class LlamaCpp:
    """One GGUF model.

    `capabilities.reproducible` is `"exact"` where that is known to hold for the model's architecture and weight types
    on this machine (see `engine.py`), else `"batch_dependent"`.

    Args:
        path: The weights.
        options: See `LlamaCppOptions`.
        spec: How it was opened.

    Raises:
        ConfigError: The file is missing or no GGUF file, or `n_ctx` is beyond the model's context.
        MissingPackageError: xllamacpp is not installed.
        BackendError: llama.cpp does not load the model.
    """

    Options: ClassVar[type[LlamaCppOptions]] = LlamaCppOptions
    preferred_style: ClassVar[Literal["chat", "text"]] = "chat"

    def __init__(self, path: Path, options: LlamaCppOptions, spec: str) -> None:
        header = read_header(path)
        context = _context(header, options.n_ctx)
        template = options.chat_template or header.chat_template
        chat = bool(template)
        self._tags = Tags.of(options.think_tags)
        gpu = on_gpu(options.gpu_layers)
        kv_cache = options.kv_cache or ("f16" if gpu else "bf16")
        exact = is_exact(header, kv_cache, gpu)
        self.options = options
        self.spec = spec
        self.identity = _identity(path, header, options, kv_cache, gpu=gpu, exact=exact)
        self.capabilities = Capabilities(
            chat=chat,
            text=True,
            style=self.preferred_style if chat else "text",
            max_samples=options.n_parallel,
            seed=True,
            logprobs=20,
            prefill=True,
            prefill_thoughts=chat,
            reasoning=self._tags is not None and self._tags.stand_in(template or ""),
            thinks=_thinks(options, header),
            reproducible="exact" if exact else "batch_dependent",
            concurrency=2 * options.n_parallel,
            context_tokens=context,
        )
        self._facts = _facts(header, context)
        self._memory = PeakMemory()
        self._engine = LlamaEngine(
            EngineSettings(
                path=path,
                context_tokens=context,
                slots=options.n_parallel,
                threads=options.threads,
                gpu_layers=options.gpu_layers,
                kv_cache=kv_cache,
                share_prefix=exact if options.cache_prompt is None else options.cache_prompt,
                chat_template=options.chat_template,
            )
        )
        self._model = path.stem
        self._identity_text = identity_text(self.identity)
        self._slots = Slots(options.n_parallel)

    @classmethod
    def open(cls, model: str, options: LlamaCppOptions) -> Self:
        """Opens a GGUF file, or a hub repository `<organisation>/<name>[:<quantisation>]`."""
        path = Path(model).expanduser()
        if not path.exists() and is_repository(model):
            path = model_from_hub(model)
        return cls(path, options, f"llama-cpp/{model}")

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`.

        Raises:
            BackendError: The backend is closed.
        """
        if self._engine.calls.closed:
            raise BackendError(f"The backend {self.spec} is closed; open it anew.")
        key = draw_key(self._identity_text, request)
        runs = consecutive_runs(key, indices, self.capabilities.max_samples)
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(self._call(request, run, draw_seed(key, run[0]))) for run in runs]
        return [completion for call in calls for completion in call.result()]

    @property
    def facts(self) -> ModelFacts:
        """See `HasFacts.facts`."""
        memory = None if self.identity["device"] == "gpu" else self._memory.bytes
        return self._facts.model_copy(update={"peak_memory_bytes": memory})

    async def explain(self, request: Request) -> Explained:
        """See `Explains.explain`.

        Raises:
            BackendError: The model takes no chat, or the backend is closed.
        """
        try:
            rendered = request.prompt if request.prompt is not None else await self._render(request)
            body = {"content": rendered, "add_special": True, "parse_special": True, "with_pieces": True}
            tokens = (await self._engine.calls.post("/tokenize", body))["tokens"]
        except (LoopbackError, OSError) as error:
            raise BackendError(f"The backend {self.spec} cannot explain a request: {error}.") from error
        return Explained(
            rendered=rendered,
            token_ids=tuple(token["id"] for token in tokens),
            tokens=token_texts(tokens),
            stop=request.sampling.stop,
            settings=settings_asked(request.sampling),
            notes=self._notes(request),
        )

    async def idle(self) -> int:
        """See `Idles.idle`: draws queue here, for slots."""
        return await self._slots.idle()

    async def aclose(self) -> None:
        """Ends the draws in flight, which fail as cancelled, and frees the model."""
        self._engine.calls.close()
        await asyncio.to_thread(self._engine.close)

    async def _call(self, request: Request, indices: Sequence[int], seed: int) -> list[Completion]:
        """Draws indices whose seeds follow each other from `seed`, as n samples that share the prompt's prefill."""
        await self._slots.take(len(indices))
        held = len(indices)
        started = time.perf_counter()
        drawn = [Drawn() for _ in indices]
        failure: Failure | None = None
        rendered: str | None = None
        try:
            prompt = request.prompt if request.prompt is not None else await self._render(request)
            rendered = None if request.prompt is not None else prompt
            body = call_body(request.sampling, prompt, seed, len(indices))
            async with aclosing(self._engine.calls.events("/completion", body)) as events:
                async for event in events:
                    if drawn[event["index"]].add(event, time.perf_counter() - started):
                        held -= 1
                        self._slots.give(1)
        except (LoopbackError, OSError) as error:
            failure = failure_of(error, closed=self._engine.calls.closed)
        finally:
            self._slots.give(held)
        shared = {
            "model": self._model,
            "fingerprint": f"xllamacpp {self._engine.version}",
            "rendered": rendered,
            "degradations": self._notes(request),
        }
        return [
            completion(request, index, seed + at, at == 0, one, failure, shared, self._tags)
            for at, (index, one) in enumerate(zip(indices, drawn, strict=True))
        ]

    def _notes(self, request: Request) -> tuple[str, ...]:
        """What is not done as asked."""
        said = self.options.template_args if request.messages else {}
        sampling = request.sampling
        return (*effort_left_out(sampling.effort, said), *budget_left_out(sampling.thinking_tokens))

    async def _render(self, request: Request) -> str:
        """The chat as the text that the model sees."""
        if not self.capabilities.chat:
            raise LoopbackError(400, "unsupported", "this model has no chat template; give one, or ask with a prompt")
        inside = goes_on_in_thoughts(request.messages)
        messages = [message.model_dump() for message in (request.messages[:-1] if inside else request.messages)]
        body = {"messages": messages, "chat_template_kwargs": dict(self.options.template_args)}
        rendered = str((await self._engine.calls.post("/apply-template", body))["prompt"])
        return behind(rendered, request.messages[-1].content) if inside else rendered


class Local(LlamaCpp):
    """The embedded model, SmolLM2-135M-Instruct: it follows few-shot text far better than chat."""

    Options: ClassVar[type[LlamaCppOptions]] = LocalOptions
    default_model: ClassVar[str] = "SmolLM2-135M-Instruct"
    preferred_style: ClassVar[Literal["chat", "text"]] = "text"

    @classmethod
    def open(cls, model: str, options: LlamaCppOptions) -> Self:
        """Opens the embedded model; there is one.

        Raises:
            ConfigError: Another model is named.
            MissingPackageError: The package that carries it, or the engine, is not installed.
        """
        if model != cls.default_model:
            raise ConfigError(f"The backend 'local' is one model; for {model!r} write llama-cpp/{model}.")
        return cls(embedded_model(), options, "local")


def _thinks(options: LlamaCppOptions, header: GgufHeader) -> bool:
    if options.thinks is not None:
        return options.thinks
    return thinks_by_template(options.chat_template or header.chat_template, options.template_args)


def _context(header: GgufHeader, wanted: int | None) -> int:
    most = header.context_tokens or wanted or MOST_CONTEXT
    if wanted is not None and wanted > most:
        raise ConfigError(f"The option n_ctx cannot be {wanted}: the model's context is {most} tokens.")
    return -(-(wanted or min(most, MOST_CONTEXT)) // CONTEXT_UNIT) * CONTEXT_UNIT


def _facts(header: GgufHeader, context_tokens: int) -> ModelFacts:
    return ModelFacts(
        parameters=header.parameters or None,
        active_parameters=header.active_parameters or None,
        context_tokens=context_tokens,
        precision=" + ".join(header.matrix_types) or None,
        weights="open",
    )


def _identity(
    path: Path, header: GgufHeader, options: LlamaCppOptions, kv_cache: str, *, gpu: bool, exact: bool
) -> Mapping[str, Any]:
    """What makes draws differ. The context is not part of it: a draw that it cuts short is a failure, not a draw."""
    identity: dict[str, Any] = {
        "engine": "llama.cpp",
        "weights": f"sha256:{sha256(path)}",
        "dtype": header.matrix_types[0] if header.matrix_types else "unknown",
        "kv_cache": kv_cache,
        "device": "gpu" if gpu else "cpu",
    }
    if options.cache_prompt and not exact:
        identity["cache_prompt"] = True
    if gpu and options.gpu_layers != -1:
        identity["gpu_layers"] = options.gpu_layers
    if options.chat_template is not None:
        identity["chat_template"] = f"sha256:{hashlib.sha256(options.chat_template.encode()).hexdigest()}"
    if options.template_args:
        identity["template_args"] = dict(options.template_args)
    if options.think_tags is not True:
        identity["think_tags"] = options.think_tags
    return identity
