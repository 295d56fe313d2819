"""The backend `transformers/<model or path>`: open models of Hugging Face transformers, in this process."""

import asyncio
import secrets
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from reasoning.backends.backend import Capabilities
from reasoning.backends.explaining import Explained, settings_asked
from reasoning.backends.facts import ModelFacts
from reasoning.backends.landing import landed
from reasoning.backends.memory import PeakMemory
from reasoning.backends.template_facts import thinks_by_template
from reasoning.backends.transformers import loading, source
from reasoning.backends.transformers.identity import identity
from reasoning.backends.transformers.options import TransformersOptions
from reasoning.backends.transformers.prompts import Prompt, PromptError, Prompts
from reasoning.completion import Completion, Failure
from reasoning.draws import SEED_MODULUS, draw_key, draw_seed, identity_text
from reasoning.errors import BackendError
from reasoning.request import Request
from reasoning.thoughts import Tags, budget_left_out, effort_left_out

if TYPE_CHECKING:
    from reasoning.backends.transformers.drawing import Waiting
    from reasoning.backends.transformers.rows import Row

MOST_CONTEXT = 2**20
"""Context of a model whose config names none, in tokens."""


class Transformers:
    """One model.

    Draws join a running batch as they come and leave it as they end; the samples of a request share its prompt's
    computation. Each has a seed of its own, see `reasoning.backends.transformers.noise`.

    `capabilities.reproducible` is `"exact"` for a dense model in float32 on a CPU (see
    `reasoning.backends.transformers.batch`), else `"batch_dependent"`. Log-probabilities are the model's own: before
    temperature, top-k and the like.

    Args:
        files: The model's files.
        options: See `TransformersOptions`.
        spec: How it was opened.

    Raises:
        ConfigError: An option cannot be had here, the model is of a kind that is not served, or memory is too small.
        MissingPackageError: transformers, PyTorch or what the model's quantisation needs is not installed.
        BackendError: The model does not load.
    """

    Options: ClassVar[type[TransformersOptions]] = TransformersOptions

    def __init__(self, files: source.Source, options: TransformersOptions, spec: str) -> None:
        loading.require()
        from reasoning.backends.transformers import measure
        from reasoning.backends.transformers.drawing import Reader
        from reasoning.backends.transformers.engine import Engine
        from reasoning.backends.transformers.texts import Texts

        self._memory = PeakMemory()
        loaded = loading.load(files, options)
        model = loaded.model
        template = options.chat_template or loaded.tokenizer.chat_template
        template = template if isinstance(template, str) else (template or {}).get("default")
        tags = Tags.of(options.think_tags)
        exact, most = measure.is_exact(model), measure.limits(model, options)
        kinds = {"precision": measure.precision(model), "device": model.device.type}
        self.spec = spec
        self.options = options
        self.identity: Mapping[str, Any] = identity(files, loaded.commit, options, **kinds)
        self.capabilities = Capabilities(
            chat=template is not None,
            text=True,
            style="chat" if template is not None else "text",
            max_samples=most.rows,
            seed=True,
            logprobs=20,
            prefill=template is not None,
            prefill_thoughts=template is not None,
            reasoning=tags is not None and template is not None and _thinks(tags, template, loaded.tokenizer),
            thinks=thinks_by_template(template, options.template_args) if options.thinks is None else options.thinks,
            reproducible="exact" if exact else "batch_dependent",
            concurrency=2 * most.rows,
            context_tokens=options.context_tokens or loading.context_of(model.config),
        )
        self._identity_text = identity_text(self.identity)
        self._prompts = Prompts(loaded.tokenizer, template, options.template_args)
        self._device = model.device
        self._facts = measure.facts(model, self.capabilities.context_tokens)
        self._notes = measure.settings_left_out(model)
        texts, ends = Texts(loaded.tokenizer), measure.end_tokens(model, loaded.tokenizer)
        shared = {"model": files.title, "fingerprint": loaded.version}
        self._reader = Reader(texts, ends, tags, self._remedy, shared)
        self._engine = Engine(model, texts, ends, most, exact=exact)
        # Also at the interpreter's exit: a thread that still computes then would be torn down in its midst.
        self._stop = weakref.finalize(self, self._engine.close)

    @classmethod
    def open(cls, model: str, options: TransformersOptions) -> Self:
        """Opens a model folder, a GGUF file, or a model on the hub."""
        loading.require()
        return cls(source.find(model, options.gguf_file), options, f"transformers/{model}")

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`.

        Raises:
            BackendError: The backend is closed.
        """
        self._check_open()
        try:
            prompt = self._prompts.of(request)
        except PromptError as error:
            return [Completion.failed(request, index, error.failure) for index in indices]
        if failure := self._overflow(prompt):
            return [Completion.failed(request, index, failure) for index in indices]
        key = draw_key(self._identity_text, request)
        rows = [self._row(request, prompt, index, key) for index in indices]
        self._engine.add([row for row, _ in rows])
        try:
            async with asyncio.TaskGroup() as group:
                drawing = [
                    group.create_task(self._landed(row, waiting, request, prompt, index, first=at == 0))
                    for at, (index, (row, waiting)) in enumerate(zip(indices, rows, strict=True))
                ]
        finally:
            for row, _ in rows:
                row.cancelled = True  # without effect on those that have ended
        return [task.result() for task in drawing]

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
            rendered=prompt.rendered if prompt.rendered is not None else request.prompt,
            token_ids=prompt.ids,
            tokens=self._prompts.shown(prompt),
            stop=request.sampling.stop,
            settings=settings_asked(request.sampling),
            notes=(*self._notes, *self._left_out(request)),
        )

    @property
    def facts(self) -> ModelFacts:
        """See `HasFacts.facts`."""
        if self._device.type != "cuda":
            return self._facts.model_copy(update={"peak_memory_bytes": self._memory.bytes})
        import torch

        return self._facts.model_copy(update={"peak_memory_bytes": torch.cuda.max_memory_allocated(self._device)})

    async def aclose(self) -> None:
        """Ends the draws in flight, which fail as cancelled, and frees the model."""
        await asyncio.to_thread(self._stop)

    def _row(self, request: Request, prompt: Prompt, index: int, key: bytes) -> "tuple[Row, Waiting]":
        from reasoning.backends.transformers.drawing import Waiting
        from reasoning.backends.transformers.rows import Row

        waiting = Waiting()
        seed = draw_seed(key, index) if request.sampling.seeded else secrets.randbelow(SEED_MODULUS)
        notices = self._left_out(request)
        return Row(prompt.ids, request.sampling, seed, self._room, waiting.tell, notices=notices), waiting

    async def _landed(
        self, row: "Row", waiting: "Waiting", request: Request, prompt: Prompt, index: int, *, first: bool
    ) -> Completion:
        latency_s = await waiting.latency_s()
        completion = self._reader.completion(row, request, prompt, index, first=first, latency_s=latency_s)
        landed([completion])
        return completion

    def _left_out(self, request: Request) -> tuple[str, ...]:
        said = self.options.template_args if request.messages else {}
        sampling = request.sampling
        return (*effort_left_out(sampling.effort, said), *budget_left_out(sampling.thinking_tokens))

    def _check_open(self) -> None:
        if self._engine.closed:
            raise BackendError(f"The backend {self.spec} is closed; open it anew.")

    @property
    def _room(self) -> int:
        return self.capabilities.context_tokens or MOST_CONTEXT

    def _overflow(self, prompt: Prompt) -> Failure | None:
        if len(prompt.ids) < self._room:
            return None
        message = f"the prompt has {len(prompt.ids)} tokens and the context {self._room}{self._remedy}"
        return Failure(kind="context_overflow", message=message, retryable=False)

    @property
    def _remedy(self) -> str:
        return "; raise context_tokens" if self.options.context_tokens is not None else ""


def _thinks(tags: Tags, template: str, tokenizer: Any) -> bool:
    return tags.stand_in(template) or any(map(tags.stand_in, tokenizer.get_added_vocab()))
