"""The transformers backend on a tiny random model, for real: its batches, its ends, its accounts."""

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_transformers import TEXT, ask, draw, opened, run

from reasoning import Completion, Request
from reasoning.backends.transformers import Transformers
from reasoning.errors import BackendError

pytestmark = pytest.mark.transformers


@pytest.fixture(scope="module")
def folder() -> Path:
    from model_folder import tiny_folder

    return tiny_folder("dense")


@pytest.fixture(scope="module")
def backend(folder: Path) -> Iterator[Transformers]:
    found = opened(folder)
    yield found
    run(found.aclose())


@pytest.fixture
def small(folder: Path) -> Iterator[Transformers]:
    """One of its own for a test that looks into its engine: three draws at once."""
    found = opened(folder, max_batch=3)
    yield found
    run(found.aclose())


def substance(completions: Sequence[Completion]) -> list[tuple[object, ...]]:
    return [(c.index, c.text, c.finish, c.seed, c.usage, c.logprobs, c.failure) for c in completions]


class Reads:
    """What the model is given, call by call: rows and tokens."""

    def __init__(self, backend: Transformers) -> None:
        self.shapes: list[tuple[int, int]] = []
        self.held: list[int] = []
        self._cache = backend._engine.batch._cache_name
        self._hook = backend._engine.batch._model.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(self, _model: Any, _args: Any, given: dict[str, Any]) -> None:
        rows, tokens = given["input_ids"].shape
        self.shapes.append((rows, tokens))
        self.held.append(rows * (given[self._cache].get_seq_length() + tokens))

    def __enter__(self) -> "Reads":
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()


# Draws


MIXED = [
    (ask(logprobs=2), range(4)),
    (ask("x" * 77, temperature=0.7, top_k=5), range(3)),
    (ask("hello", temperature=0.0, max_tokens=30, logprobs=0), range(1)),
    (ask("hello " * 30, temperature=1.3, top_p=0.7, max_tokens=25), range(3)),
    (ask("hi", min_p=0.05, max_tokens=25), range(2)),
    (ask("some words", temperature=1.7, top_k=9, top_p=0.5, max_tokens=3), range(5)),
]


def test_a_draw_is_the_same_to_the_last_bit_alone_and_in_any_company(
    backend: Transformers, small: Transformers
) -> None:
    assert backend.capabilities.reproducible == "exact"

    async def together(one: Transformers) -> list[list[Completion]]:
        return await asyncio.gather(*(one.complete(request, indices) for request, indices in MIXED))

    busy = [substance(completions) for completions in run(together(backend))]
    assert busy == [substance(completions) for completions in run(together(small))]
    for (request, indices), in_company in zip(MIXED, busy, strict=True):
        assert [substance(draw(backend, request, [index]))[0] for index in indices] == in_company
    assert backend._engine.batch.rechecks > 0, "this model's tokens are so alike that some picks stood on an edge"


def test_every_token_is_the_pick_of_the_models_own_logits(small: Transformers) -> None:
    """Rows that join, grow beyond the room set aside, and leave: what is kept of a text is what the model read."""
    import torch

    from reasoning.backends.transformers.drawing import Waiting
    from reasoning.backends.transformers.picking import Setting, pick
    from reasoning.backends.transformers.rows import Row

    prompts = ["some words " * (1 + 3 * (at % 4)) for at in range(7)]
    samplings: list[dict[str, Any]] = [{}, {"temperature": 0.0}, {"temperature": 0.8, "top_p": 0.9}]

    async def drawn() -> list[Row]:
        rows, waits = [], []
        for at, prompt in enumerate(prompts):
            request = ask(prompt, **{"max_tokens": (3, 190, 40, 150)[at % 4], **samplings[at % 3]})
            waits.append(Waiting())
            rows.append(Row(small._prompts.of(request).ids, request.sampling, at, 512, waits[-1].tell))
        small._engine.add(rows)
        for waiting in waits:
            await waiting.latency_s()
        return rows

    small._engine._ends = frozenset()  # none ends by itself, whatever it says
    model = small._engine.batch._model
    found = run(drawn())
    assert [len(row.tokens) for row in found] == [3, 190, 40, 150, 3, 190, 40]
    for row in found:
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([row.ids])).logits[0, len(row.prompt) - 1 : -1]
        steps = [Setting(row.sampling, row.seed, at) for at in range(len(row.tokens))]
        assert pick(logits, steps).tokens == row.tokens


def test_greedy_takes_the_likeliest_token(backend: Transformers) -> None:
    import torch

    completion = draw(backend, ask(temperature=0.0, max_tokens=40))[0]
    tokenizer = backend._prompts._tokenizer
    prompt, said = tokenizer(TEXT)["input_ids"], tokenizer(completion.text)["input_ids"]
    if "\ufffd" in completion.text:
        said = []  # bytes that are no character do not come back as tokens; the tokens are told by the next line
    with torch.inference_mode():
        logits = backend._engine.batch._model(input_ids=torch.tensor([[*prompt, *said]])).logits[0]
    for at, token in enumerate(said):
        after = logits[len(prompt) + at - 1]
        assert after[token] >= after.max() - 1e-3
    likeliest = draw(backend, ask(temperature=0.0, max_tokens=40, logprobs=1))[0].logprobs
    assert likeliest is not None
    assert [value for ((_, value),) in likeliest.top] == pytest.approx(list(likeliest.values), abs=1e-3)


def test_samples_share_their_prompt_and_different_prompts_are_read_together(backend: Transformers) -> None:
    with Reads(backend) as reads:
        draw(backend, ask(max_tokens=1), range(8))
    assert reads.shapes[0] == (1, len(TEXT)), "a token a byte, read once for all eight"


def test_draws_join_a_running_batch_and_leave_it(small: Transformers) -> None:
    begun = threading.Event()

    async def scene() -> list[str]:
        order: list[str] = []

        async def named(name: str, request: Request, indices: Sequence[int]) -> None:
            completions = await small.complete(request, indices)
            assert all(c.failure is None for c in completions)
            order.append(name)

        long = asyncio.create_task(named("long", ask("a", max_tokens=300), [0]))
        while not small._engine.batch.rows:
            await asyncio.sleep(0.001)
        begun.set()
        await named("short", ask("much longer than the one that runs " * 4, max_tokens=5), [0, 1])
        await long
        return order

    with Reads(small) as reads:
        assert run(scene()) == ["short", "long"]
    assert (3, 1) in reads.shapes
    assert not small._engine.batch.rows


def test_more_than_fit_wait_their_turn(small: Transformers) -> None:
    async def flood() -> list[list[Completion]]:
        return await asyncio.gather(*(small.complete(ask(f"{n} and", max_tokens=2), [0]) for n in range(200)))

    with Reads(small) as reads:
        assert all(c.failure is None and c.usage.completion_tokens == 2 for (c,) in run(flood()))
    assert max(rows for rows, _ in reads.shapes) == 3


def test_a_budget_of_tokens_bounds_the_batch(folder: Path) -> None:
    backend = opened(folder, batch_tokens=200)

    async def several() -> list[list[Completion]]:
        lengths = (10, 80, 30, 90, 20, 60, 50)
        return await asyncio.gather(*(backend.complete(ask("x" * n, max_tokens=10), [0, 1]) for n in lengths))

    with Reads(backend) as reads:
        assert all(c.failure is None for completions in run(several()) for c in completions)
    run(backend.aclose())
    decoding = [held for held, (_, tokens) in zip(reads.held, reads.shapes, strict=True) if tokens == 1]
    assert max(decoding) <= 200


def test_cancelling_takes_the_rows_out(small: Transformers) -> None:
    async def scene() -> bool:
        running = asyncio.create_task(small.complete(ask(max_tokens=450), range(3)))
        while not small._engine.batch.rows:
            await asyncio.sleep(0.001)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        completion = (await small.complete(ask(max_tokens=2), [0]))[0]
        return completion.failure is None and not small._engine.batch.rows

    assert run(scene())


# Ends


def with_ends(folder: Path, into: Path, ends: Sequence[int]) -> Path:
    shutil.copytree(folder, into)
    for name in ("config.json", "generation_config.json"):
        settings = json.loads((into / name).read_text())
        (into / name).write_text(json.dumps({**settings, "eos_token_id": list(ends)}))
    return into


def test_each_end_token_of_the_generation_config_ends_a_text(
    backend: Transformers, folder: Path, tmp_path: Path
) -> None:
    import torch

    model, tokenizer = backend._engine.batch._model, backend._prompts._tokenizer
    ids = list(tokenizer(TEXT)["input_ids"])
    with torch.inference_mode():
        first = int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
    for place, ends in enumerate(([first, 1], [1, first])):
        ending = opened(with_ends(folder, tmp_path / str(place), ends))
        completion = draw(ending, ask(temperature=0.0, logprobs=1))[0]
        run(ending.aclose())
        assert (completion.text, completion.finish, completion.usage.completion_tokens) == ("", "stop", 1)
        assert completion.logprobs is not None
        assert completion.logprobs.tokens == ()


def test_a_stop_string_is_cut_across_tokens_and_its_logprobs_with_it(backend: Transformers) -> None:
    whole = draw(backend, ask(max_tokens=40, logprobs=1))[0]
    at = len(whole.text) // 2
    stop = whole.text[at : at + 4]
    # The same draw: its key has the stop strings in it, so that its seed would be another.
    cut = read_again(backend, whole, stop=("", "\x00never", stop), logprobs=1)
    assert (cut.finish, cut.text) == ("stop", whole.text[: whole.text.index(stop)])
    assert cut.usage.completion_tokens < whole.usage.completion_tokens
    assert cut.logprobs is not None
    assert "".join(cut.logprobs.tokens).startswith(cut.text)
    assert len("".join(cut.logprobs.tokens[:-1])) <= len(cut.text)


def read_again(backend: Transformers, drawn: Completion, **sampling: Any) -> Completion:
    """The same seed and prompt with other settings, through the engine itself."""
    from reasoning.backends.transformers.drawing import Waiting
    from reasoning.backends.transformers.rows import Row

    assert drawn.request is not None
    assert drawn.seed is not None
    request = drawn.request.model_copy(update={"sampling": drawn.request.sampling.model_copy(update=sampling)})
    seed = drawn.seed

    async def again() -> Completion:
        waiting, prompt = Waiting(), backend._prompts.of(request)
        row = Row(prompt.ids, request.sampling, seed, backend._room, waiting.tell)
        backend._engine.add([row])
        latency_s = await waiting.latency_s()
        return backend._reader.completion(row, request, prompt, 0, first=True, latency_s=latency_s)

    return run(again())  # type: ignore[no-any-return]


def test_log_probabilities_have_an_entry_a_token_and_join_to_the_text(backend: Transformers) -> None:
    completion = draw(backend, ask("é ü 漢", temperature=1.5, max_tokens=60, logprobs=3))[0]
    assert completion.logprobs is not None
    assert "".join(completion.logprobs.tokens) == completion.text
    assert len(completion.logprobs.values) == len(completion.logprobs.top) == len(completion.logprobs.tokens)
    assert all(len(top) == 3 for top in completion.logprobs.top)


def test_what_the_context_cuts_is_told_apart_from_what_was_asked(folder: Path) -> None:
    backend = opened(folder, context_tokens=60)
    prompt = "x" * 50
    overflowed, unbounded, fits = (draw(backend, ask(prompt, max_tokens=most), range(4)) for most in (30, None, 5))
    too_long = draw(backend, ask("x" * 60))[0]
    run(backend.aclose())
    # A draw may end by itself before the limit that is meant here.
    failed = [c for c in overflowed if c.failure is not None]
    assert {(c.failure.kind, c.usage.total_tokens) for c in failed if c.failure} == {("context_overflow", 60)}
    assert all("raise context_tokens" in c.failure.message for c in failed if c.failure)
    assert {c.usage.completion_tokens for c in unbounded if c.finish == "length"} == {10}
    assert {c.usage.completion_tokens for c in fits if c.finish == "length"} == {5}
    assert too_long.failure is not None
    assert (too_long.failure.kind, too_long.usage.total_tokens) == ("context_overflow", 0)


# What it is


def test_the_identity_names_weights_tokenizer_and_precision(backend: Transformers, folder: Path) -> None:
    from model_folder import tiny_folder

    again, half, other = opened(folder, max_batch=2), opened(folder, dtype="bfloat16"), opened(tiny_folder("dense", 1))
    assert again.identity == backend.identity
    assert {**half.identity, "dtype": "float32"} == backend.identity
    assert half.identity["dtype"] == "bfloat16"
    assert {**other.identity, "weights": ""} == {**backend.identity, "weights": ""}
    assert other.identity["weights"] != backend.identity["weights"]
    assert half.capabilities.reproducible == "batch_dependent"
    completions = draw(half, ask(logprobs=2), range(3))
    assert all(c.failure is None and c.logprobs is not None and len(c.logprobs.top[0]) == 2 for c in completions)
    for one in (again, half, other):
        run(one.aclose())


def test_a_mixture_of_experts_is_told_and_promises_less(backend: Transformers) -> None:
    from model_folder import tiny_folder

    experts = opened(tiny_folder("moe"))
    facts = experts.facts
    assert facts.parameters is not None
    assert facts.active_parameters is not None
    assert facts.active_parameters < facts.parameters
    assert backend.facts.active_parameters == backend.facts.parameters
    assert experts.capabilities.reproducible == "batch_dependent"
    assert all(c.failure is None for c in draw(experts, ask(), range(4)))
    run(experts.aclose())


def test_nothing_is_said_on_stdout(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    backend = opened(folder)
    draw(backend, ask("x" * 600))
    draw(backend, ask())
    run(backend.aclose())
    assert capfd.readouterr() == ("", "")


def test_closing_ends_what_runs_and_then_says_so(folder: Path) -> None:
    backend = opened(folder)

    async def scene() -> list[Completion]:
        running = asyncio.create_task(backend.complete(ask(max_tokens=450), range(2)))
        while not backend._engine.batch.rows:
            await asyncio.sleep(0.001)
        await backend.aclose()
        await backend.aclose()
        return await running

    failures = [c.failure for c in run(scene())]
    assert [failure and failure.kind for failure in failures] == ["cancelled"] * 2
    with pytest.raises(BackendError, match="closed"):
        draw(backend, ask())
    with pytest.raises(BackendError, match="closed"):
        run(backend.explain(ask()))


@pytest.mark.timeout(600)
def test_a_gguf_file_is_opened_as_it_is() -> None:
    from reasoning.backends.llama_cpp.embedded import embedded_model

    backend = opened(embedded_model())
    assert str(backend.identity["weights"]).startswith("sha256:b179c952")
    assert backend.capabilities.chat
    completion = draw(backend, ask("1, 2, 3, 4, 5,", temperature=0.0, max_tokens=6))[0]
    run(backend.aclose())
    assert completion.text.startswith(" 6, 7")
