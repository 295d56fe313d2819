"""The backend `vllm/<model or path>`: vLLM's asynchronous engine, started from this process."""

import asyncio
import hashlib
import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from reasoning.backends.backend import Capabilities
from reasoning.backends.explaining import Explained, settings_asked
from reasoning.backends.facts import ModelFacts
from reasoning.backends.model_files import parameters
from reasoning.backends.vllm import troubles
from reasoning.backends.vllm.engine import VLLMEngine
from reasoning.backends.vllm.engine_args import installed
from reasoning.backends.vllm.options import VLLMOptions, options_class
from reasoning.backends.vllm.prompts import Prompt, PromptError, Prompts
from reasoning.backends.vllm.source import Source, find_source
from reasoning.backends.vllm.thinking import Tagged, Thinking
from reasoning.backends.vllm.wire import completion, sampling_params
from reasoning.completion import Completion, Failure
from reasoning.draws import consecutive_runs, draw_key, draw_seed, identity_text
from reasoning.errors import BackendError, MissingPackageError
from reasoning.request import Request
from reasoning.thoughts import Tags

MOST_SAMPLES = 64
"""Draws of one request in one call: they come together, when the last of them has ended."""
UNSEEDED = "The draw is unseeded, as the option seeded=false says."
_WITHOUT_EFFECT = frozenset(
    {
        "block_size",
        "cpu_offload_gb",
        "device_ids",
        "disable_custom_all_reduce",
        "distributed_executor_backend",
        "download_dir",
        "dtype",
        "enable_chunked_prefill",
        "enable_prefix_caching",
        "enforce_eager",
        "gpu_memory_utilization",
        "hf_token",
        "kv_cache_memory_bytes",
        "max_logprobs",
        "max_model_len",
        "max_num_batched_tokens",
        "max_num_seqs",
        "pipeline_parallel_size",
        "quantization",
        "revision",
        "seed",
        "shutdown_timeout",
        "tensor_parallel_size",
        "trust_remote_code",
        "use_tqdm_on_load",
    }
)
"""The engine's options that make no other model of it, are stated apart, or are secret."""


class VLLM:
    """One model in vLLM's engine.

    Draw `index` has the seed that `reasoning.draws.draw_seed` gives; consecutive ones are one request of n samples, for
    vLLM gives the i-th the seed plus i. All requests are in flight at once: the engine batches them as they come.

    The last bits of a draw's log-probabilities depend on what it is batched with, in float32 on a CPU too (measured),
    where its text hardly ever does; in bfloat16 the texts of 13 in 32 draws were the same.

    The engine starts when the backend is opened, which takes from half a minute to some minutes; vLLM starts its
    processes by importing the running script again, which therefore needs `if __name__ == "__main__":`.

    Args:
        source: The model.
        options: See `VLLMOptions`.
        spec: How it was opened.

    Raises:
        MissingPackageError: vLLM is not installed.
        ConfigError: vLLM refuses an option's value.
        UnknownNameError: It has no such reasoning parser.
        BackendError: There is no GPU, not enough memory, or the engine does not start for another reason.
    """

    Options: ClassVar[type[VLLMOptions]] = options_class()

    def __init__(self, source: Source, options: VLLMOptions, spec: str) -> None:
        self.spec = spec
        self.options = options
        self._engine = engine = VLLMEngine(source, options)
        try:
            tokenizer = engine.llm.get_tokenizer()
            self._prompts = Prompts(tokenizer, options.chat_template, options.template_args)
            named = options.reasoning_parser
            self._thinking = None if named is None else Thinking.named(named, tokenizer)
            self._tags = Tags.of(options.think_tags)
            self.identity: Mapping[str, Any] = _identity(source, options, engine)
        except BaseException:
            engine.close()
            engine.forget()
            raise
        self.capabilities = Capabilities(
            chat=self._prompts.chat,
            text=True,
            style="chat" if self._prompts.chat else "text",
            max_samples=MOST_SAMPLES,
            seed=options.seeded,
            logprobs=20 if engine.max_logprobs < 0 else min(20, engine.max_logprobs),
            prefill=True,
            prefill_thoughts=self._prompts.chat and self._thinking is None,  # a parser does not know of open thoughts
            reasoning=self._thinking is not None
            or (self._tags is not None and self._tags.stand_in(self._prompts.template)),
            thinks=self._prompts.thinks if options.thinks is None else options.thinks,
            reproducible="batch_dependent" if options.seeded else "no",
            concurrency=2 * engine.max_num_seqs,
            context_tokens=engine.context_tokens,
        )
        self._model = source.model
        self._facts = _facts(source, engine)
        self._identity_text = identity_text(self.identity)
        self._names = itertools.count()
        self._drawing: set[asyncio.Task[Any]] = set()
        self._closed = False

    @classmethod
    def open(cls, model: str, options: VLLMOptions) -> Self:
        """Opens a model folder, or a repository of the hub `<organisation>/<name>`.

        Raises:
            ConfigError: There is no such folder.
            BackendError: Neither the hub nor its cache has the repository.
        """
        if installed() is None:
            raise MissingPackageError("vllm", "pip install 'reasoning-strategies[vllm]'", "The vLLM backend")
        return cls(find_source(model, options.engine), options, f"vllm/{model}")

    @property
    def facts(self) -> ModelFacts:
        """See `HasFacts.facts`."""
        return self._facts.model_copy(update={"peak_memory_bytes": self._engine.peak_memory_bytes})

    async def explain(self, request: Request) -> Explained:
        """See `Explains.explain`.

        Raises:
            BackendError: The model takes no chat, or the backend is closed.
        """
        self._check_open()
        try:
            prompt = self._prompts.of(request)
        except PromptError as error:
            raise BackendError(f"The backend {self.spec} cannot explain a request: {error}.") from error
        return Explained(
            rendered=prompt.text,
            token_ids=tuple(prompt.token_ids),
            tokens=self._prompts.texts(prompt.token_ids),
            stop=request.sampling.stop,
            settings=settings_asked(request.sampling),
            notes=prompt.notes,
        )

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`.

        Raises:
            BackendError: The backend is closed, or its engine ended by itself.
        """
        self._check_open()
        try:
            prompt = self._prompts.of(request)
        except PromptError as error:
            return _failed(request, indices, Failure(kind="unsupported", message=str(error), retryable=False))
        if too_long := self._too_long(prompt):
            return _failed(request, indices, too_long)
        key = draw_key(self._identity_text, request)
        seeded = self.options.seeded and request.sampling.seeded
        runs = _runs(request, key, indices, seeded)
        async with asyncio.TaskGroup() as group:
            calls = [
                group.create_task(self._call(request, prompt, run, draw_seed(key, run[0]) if seeded else None))
                for run in runs
            ]
        completions = [one for call in calls for one in call.result()]
        if not self._closed and self._engine.dead:
            raise troubles.of_death(self.spec, self._engine.last_words)
        return completions

    async def _call(self, request: Request, prompt: Prompt, indices: list[int], seed: int | None) -> list[Completion]:
        """Draws indices whose seeds follow each other from `seed`, as n samples."""
        started = time.perf_counter()
        needs = {} if self._thinking is None else self._thinking.sampling
        drawing = asyncio.ensure_future(
            self._drawn(prompt, sampling_params(request.sampling, len(indices), seed, **needs))
        )
        self._drawing.add(drawing)
        try:
            output = await drawing
        except asyncio.CancelledError:
            if not self._closed:
                raise
            return _failed(
                request, indices, Failure(kind="cancelled", message="the backend was closed", retryable=False)
            )
        except Exception as error:  # noqa: BLE001 (the engine lets through what any of its parts raises)
            return _failed(request, indices, troubles.of_draw(error))
        finally:
            self._drawing.discard(drawing)
        unseeded = (UNSEEDED,) if request.sampling.seeded and not self.options.seeded else ()
        shared = {
            "model": self._model,
            "fingerprint": f"vllm {self._engine.version}",
            "rendered": None if request.prompt is not None else prompt.text,
            "latency_s": time.perf_counter() - started,
            "degradations": (*prompt.notes, *unseeded),
        }
        return [
            completion(
                request,
                index,
                output.outputs[at],
                len(prompt.token_ids),
                first=at == 0,
                cached=output.num_cached_tokens or 0,
                thinking=self._apart(request, prompt) if request.messages else None,
                shared={**shared, "seed": None if seed is None else seed + at},
            )
            for at, index in enumerate(indices)
        ]

    def _apart(self, request: Request, prompt: Prompt) -> Thinking | Tagged | None:
        """What tells the thoughts of an answer to a request from the rest."""
        if self._thinking is not None or self._tags is None:
            return self._thinking
        return Tagged(self._tags, self._tags.opened_by(prompt.text, request.prefill))

    async def _drawn(self, prompt: Prompt, params: Any) -> Any:
        """The last output of a request; a cancelled one is aborted in the engine."""
        (asked,) = self._engine.llm.renderer.render_cmpl([{"prompt_token_ids": prompt.token_ids}])
        name = f"draw-{next(self._names)}"
        return [output async for output in self._engine.llm.generate(asked, params, name)][-1]

    def _too_long(self, prompt: Prompt) -> Failure | None:
        most, tokens = self._engine.context_tokens, len(prompt.token_ids)
        if tokens < most:
            return None
        message = f"the prompt has {tokens} tokens, and max_model_len is {most} tokens, the completion's included"
        return Failure(kind="context_overflow", message=message, retryable=False)

    def _check_open(self) -> None:
        if self._closed:
            raise BackendError(f"The backend {self.spec} is closed; open it anew.")
        if self._engine.dead:
            raise troubles.of_death(self.spec, self._engine.last_words)

    async def aclose(self) -> None:
        """Ends the draws in flight, which fail as cancelled, and the engine's processes."""
        if self._closed:
            return
        self._closed = True
        drawing = list(self._drawing)
        for one in drawing:
            one.cancel()
        await asyncio.gather(*drawing, return_exceptions=True)
        await asyncio.to_thread(self._engine.close)
        self._engine.forget()


def _runs(request: Request, key: bytes, indices: Sequence[int], seeded: bool) -> list[list[int]]:
    """Splits draws over requests: those of one have consecutive seeds, where they have any; a greedy one is alone."""
    most = 1 if request.sampling.greedy else MOST_SAMPLES
    if seeded:
        return consecutive_runs(key, indices, most)
    return [list(indices[at : at + most]) for at in range(0, len(indices), most)]


def _failed(request: Request, indices: Sequence[int], failure: Failure) -> list[Completion]:
    return [Completion.failed(request, index, failure) for index in indices]


def _identity(source: Source, options: VLLMOptions, engine: VLLMEngine) -> dict[str, Any]:
    """What makes draws differ. The context is not part of it: a draw that it cuts short is a failure, not a draw."""
    others = {name: value for name, value in options.engine.items() if name not in _WITHOUT_EFFECT}
    template = options.chat_template
    said = {
        "quantization": engine.quantization,
        "chat_template": template and f"sha256:{hashlib.sha256(template.encode()).hexdigest()}",
        "template_args": dict(options.template_args),
        "reasoning_parser": options.reasoning_parser,
        "options": others,
    }
    identity: dict[str, Any] = {"engine": "vllm", **source.identity, "dtype": engine.dtype, "device": engine.device}
    identity |= {name: value for name, value in said.items() if value}
    if options.think_tags is not True:
        identity["think_tags"] = options.think_tags
    return identity if options.seeded else {**identity, "seeded": False}


def _facts(source: Source, engine: VLLMEngine) -> ModelFacts:
    folder = source.on_disk
    counts = None if folder is None else parameters(folder)
    precision = engine.dtype if engine.quantization is None else f"{engine.dtype} ({engine.quantization})"
    return ModelFacts(
        parameters=counts and counts[0],
        active_parameters=counts and counts[1],
        context_tokens=engine.context_tokens,
        precision=precision,
        weights="open",
    )
