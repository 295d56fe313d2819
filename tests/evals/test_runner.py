"""Runs: scored, logged, resumed, grown, stopped, and never losing an item."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from adding import adds, number, sums
from solving import scripted

import evals
from evals.events import ItemScored, RunEnded, RunStarted
from evals.item import Item
from evals.run import load_run
from evals.task import Task
from reasoning.backends.scripted import Scripted
from reasoning.completion import Completion, Failure
from reasoning.errors import AuthenticationError, ConfigError, SpendLimitError, UnknownNameError
from reasoning.request import Request
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.program_of_thought import ProgramOfThought
from strategies.self_consistency import SelfConsistency


def test_a_run_says_what_it_came_to(tmp_path: Path) -> None:
    run = evals.evaluate(sums(10), Direct(), scripted(adds), out=tmp_path)
    assert (run.accuracy, run.items, run.done, run.status) == (0.5, 10, 10, "complete")
    assert run.bounds == (0.5, 0.5)
    assert run.interval is not None
    assert run.interval.low < 0.5 < run.interval.high
    assert {level: found.accuracy for level, found in run.by("level").items()} == {0: 1.0, 1: 0.0}
    assert run.usage == sum((result.usage for result in run.results), start=type(run.usage)())
    assert run["sum-4"].result.answer == 6
    assert run.folder == tmp_path / "sums--direct--scripted-script"
    with pytest.raises(UnknownNameError, match="sum-4"):
        run["sum-44"]
    with pytest.raises(UnknownNameError, match="level"):
        run.by("levle")


def test_a_run_in_memory_is_the_same(tmp_path: Path) -> None:
    kept = evals.evaluate(sums(10), Direct(), scripted(adds), out=tmp_path)
    unkept = evals.evaluate(sums(10), Direct(), scripted(adds), out=None)
    assert unkept.folder is None
    assert unkept.scores == kept.scores
    assert unkept.by("level") == kept.by("level")


def test_names_stand_for_task_strategy_and_backend(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text('{"q": "3 * 6?", "a": 18}\n{"q": "3 * 7?", "a": 21}\n')
    task = tmp_path / "mine.yaml"
    task.write_text("name: mine\nsource: {jsonl: items.jsonl}\nquestion: q\ngold: a\n")
    run = evals.evaluate(
        str(task), "direct", "scripted/constant", out=tmp_path / "runs", name="try", tags={"who": "me"}
    )
    assert run.accuracy == 0.5
    assert run.folder is not None
    assert run.folder.name == "mine--direct--scripted-constant--try"
    assert (run.header.tags, run.paid is not None) == ({"who": "me"}, True)


def test_the_tasks_exemplars_fill_in_where_none_were_chosen(tmp_path: Path) -> None:
    task = Task.of("sums", list(sums(2)), shots="word-problems")
    run = evals.evaluate(task, ChainOfThought(), scripted(adds, style="text"), out=tmp_path)
    assert run.header.strategy["chain-of-thought"]["shots"] == "word-problems"
    chosen = evals.evaluate(task, ChainOfThought(shots=None), scripted(adds), out=tmp_path, name="none")
    assert chosen.header.strategy["chain-of-thought"]["shots"] is None


def test_a_chain_of_thought_shows_a_chat_model_no_exemplars_unless_asked_to_and_says_so(tmp_path: Path) -> None:
    task = Task.of("sums", list(sums(2)), shots="word-problems")
    chat = scripted(adds, style="chat")
    run = evals.evaluate(task, SelfConsistency(of=ChainOfThought(), samples=2), chat, out=tmp_path)
    assert run.header.strategy["self-consistency"]["of"]["chain-of-thought"]["shots"] is None
    assert run.header.notes == (
        "chain-of-thought shows no exemplars, for a chat model answers better without; shots=word-problems shows the "
        "task's",
    )
    assert len(chat.calls[0][0].messages) == 2
    asked = evals.evaluate(task, ChainOfThought(shots="word-problems"), chat, out=tmp_path, name="asked")
    assert asked.header.strategy["chain-of-thought"]["shots"] == "word-problems"
    program = evals.evaluate(task, ProgramOfThought(), chat, out=tmp_path)
    assert program.header.strategy["program-of-thought"]["shots"] == "word-problems"
    text = evals.evaluate(task, ChainOfThought(), scripted(adds, style="text"), out=tmp_path, name="text")
    assert text.header.strategy["chain-of-thought"]["shots"] == "word-problems"
    assert text.header.notes == (
        "chain-of-thought shows the task's exemplars word-problems, for the model is asked in plain text",
    )


def test_running_again_does_nothing_twice(tmp_path: Path) -> None:
    evals.evaluate(sums(10), Direct(), scripted(adds), out=tmp_path)
    before = (tmp_path / "sums--direct--scripted-script" / "results.jsonl").read_bytes()
    backend = scripted(adds)
    run = evals.evaluate(sums(10), Direct(), backend, out=tmp_path)
    assert backend.calls == []
    assert run.accuracy == 0.5
    assert (tmp_path / "sums--direct--scripted-script" / "results.jsonl").read_bytes() == before


def test_limit_and_repeats_may_grow_and_the_log_says_so(tmp_path: Path) -> None:
    strategy = SelfConsistency(of=Direct(), samples=2)
    first = evals.evaluate(sums(10), strategy, scripted(adds), out=tmp_path, limit=4)
    backend = scripted(adds)
    seen: list[Any] = []
    more = evals.evaluate(sums(10), strategy, backend, out=tmp_path, limit=8, repeats=2, on_event=seen.append)
    assert {record.id for record in first.records} < {record.id for record in more.records}
    assert len(backend.calls) == (4 + 8) * 2
    assert [(g.field, g.before, g.after, g.items) for g in more.header.grown] == [
        ("limit", 4, 8, 4),
        ("repeats", 1, 2, 4),
    ]
    assert "limit grew from 4 to 8" in next(event.notes for event in seen if isinstance(event, RunStarted))
    assert (more.items, more.done, more.repeats is not None) == (8, 16, True)
    with pytest.raises(ConfigError, match="limit can grow but not shrink, it was 8 and is now 4"):
        evals.evaluate(sums(10), strategy, scripted(adds), out=tmp_path, limit=4, repeats=2)


def test_samples_may_grow_and_every_problem_is_voted_anew(tmp_path: Path) -> None:
    few, many = (SelfConsistency(of=Direct(), samples=samples) for samples in (2, 5))
    evals.evaluate(sums(4), few, scripted(adds), out=tmp_path)
    run = evals.evaluate(sums(4), many, scripted(adds), out=tmp_path)
    assert [len(result.paths) for result in run.results] == [5] * 4
    assert load_run(tmp_path / "sums--self-consistency--scripted-script").to_json() == run.to_json()
    assert run.header.grown[0].field == "strategy.self-consistency.samples"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"strategy": Direct(most_shots=3)}, "strategy.direct.most_shots differs, it was unset and is now 3"),
        ({"seed": 1}, "seed differs, it was 0 and is now 1"),
        ({"where": "level == 0"}, "task.where differs, it was unset and is now 'level == 0'"),
        ({"task": Task.of("sums", list(sums(11)))}, "task.fingerprint differs"),
        ({"order": "source"}, "task.order differs, it was 'seeded' and is now 'source'"),
    ],
)
def test_any_other_difference_is_refused_with_both_values(how: dict[str, Any], message: str, tmp_path: Path) -> None:
    evals.evaluate(sums(10), Direct(), scripted(adds), out=tmp_path)
    task, strategy = how.pop("task", sums(10)), how.pop("strategy", Direct())
    with pytest.raises(ConfigError, match=message):
        evals.evaluate(task, strategy, scripted(adds), out=tmp_path, **how)


def test_repeats_draw_with_other_seeds(tmp_path: Path) -> None:
    run = evals.evaluate(
        sums(3), SelfConsistency(of=Direct(), samples=1), scripted(adds), out=tmp_path, repeats=3, seed=2
    )
    rows = {record.repeat: record.result.paths[0].completions[0].index >> 16 for record in run.records}
    assert rows == {0: 2, 1: 3, 2: 4}
    assert [record.repeat for record in run.repeats_of("sum-1")] == [0, 1, 2]


@pytest.mark.parametrize(("seed", "repeats"), [(-1, 1), (32768, 1), (32766, 3)])
def test_a_seed_that_no_draw_could_have_is_refused_before_anything_is_asked(seed: int, repeats: int) -> None:
    backend, strategy = scripted(adds), SelfConsistency(of=Direct(), samples=2)
    with pytest.raises(ConfigError, match="seed is a whole number from 0 to 32767"):
        evals.evaluate(sums(3), strategy, backend, out=None, seed=seed, repeats=repeats)
    assert backend.calls == []


def test_repeats_of_greedy_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sampling\.temperature"):
        evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path, repeats=2)
    assert not list(tmp_path.iterdir())


def test_metadata_is_sliced_by_whatever_it_is_and_clobbers_no_column_of_a_frame() -> None:
    metadata = {"score": "hard", "tags": ["a", ["b"]], "about": {"level": 1}}
    run = evals.evaluate(
        Task.of("t", [Item.of("i", "What is 2 + 2?", "4", metadata=metadata)]), Direct(), scripted(adds), out=None
    )
    assert [list(run.by(column)) for column in metadata] == [["hard"], [("a", ("b",))], ['{"level": 1}']]
    frame = run.frame()
    assert (frame["score"].item(), frame["meta_score"].item()) == (1.0, "hard")


def flaky(failing: set[int], failure: Failure) -> Callable[[Request, int], str | Completion]:
    def script(request: Request, index: int) -> str | Completion:
        if number(request) in failing:
            return Completion(index=0, finish="failed", failure=failure)
        return adds(request, index)

    return script


def test_failed_draws_are_lost_items_inside_the_bounds_and_done_again_next_time(tmp_path: Path) -> None:
    failure = Failure(kind="connection", message="reset by peer", retryable=True)
    run = evals.evaluate(sums(10), Direct(), scripted(flaky({2, 3}, failure)), out=tmp_path)
    assert (run.status, run.failures, run.lost, run.unanswered) == ("complete", 2, {"failed": 2}, 2)
    assert run.accuracy == 0.4
    assert run.bounds == (0.4, 0.6)
    backend = scripted(adds)
    seen: list[Any] = []
    again = evals.evaluate(sums(10), Direct(), backend, out=tmp_path, on_event=seen.append)
    assert seen[0].notes == ("8 of 10 done before, 2 lost ones to be done again",)
    assert (len(backend.calls), again.failures, again.accuracy, again.lost) == (2, 0, 0.5, {})
    assert again.folder is not None
    assert load_run(again.folder).to_json() == again.to_json()
    assert len(again.records) == 10


def test_a_strategy_that_breaks_is_an_item_error_on_the_record(tmp_path: Path) -> None:
    def script(request: Request, index: int) -> str:
        if number(request) == 3:
            raise KeyError("a fault of the strategy")
        return adds(request, index)

    run = evals.evaluate(sums(6), Direct(), scripted(script), out=tmp_path)
    assert (run.done, run.failures, run.lost) == (6, 1, {"error": 1})
    assert run["sum-3"].result.error == "KeyError: 'a fault of the strategy'"


def test_a_verifier_that_breaks_is_an_item_error_on_the_record(tmp_path: Path) -> None:
    def verify(answer: object) -> float:
        raise ZeroDivisionError

    items = [Item(problem=item.problem, verify=verify) for item in sums(2)]
    run = evals.evaluate(Task.of("verified", items), Direct(), scripted(adds), out=tmp_path)
    assert (run.failures, run.lost) == (2, {"error": 2})
    assert str(run["sum-0"].result.error).startswith("the verifier broke: ZeroDivisionError")


def stopping_after(calls: int, error: Exception) -> Callable[[Request, int], str]:
    left = iter(range(calls))

    def script(request: Request, index: int) -> str:
        if next(left, None) is None:
            raise error
        return adds(request, index)

    return script


def test_a_refused_key_stops_the_run_with_the_servers_words_and_keeps_what_is_done(tmp_path: Path) -> None:
    backend = scripted(stopping_after(20, AuthenticationError("401: no such key")), concurrency=2)
    with pytest.raises(AuthenticationError, match="no such key"):
        evals.evaluate(sums(50), Direct(), backend, out=tmp_path)
    run = load_run(tmp_path / "sums--direct--scripted-script")
    assert run.status == "stopped"
    assert "no such key" in str(run.header.stopped_by)
    assert 0 < run.done <= 20
    assert evals.evaluate(sums(50), Direct(), scripted(adds), out=tmp_path).done == 50


def test_the_spend_limit_ends_a_run_in_good_order(tmp_path: Path) -> None:
    backend = scripted(stopping_after(20, SpendLimitError("the limit of $1 is reached")))
    run = evals.evaluate(sums(50), Direct(), backend, out=tmp_path)
    assert (run.status, run.done, run.lost, run.failures) == ("spend limit", 20, {"not_run": 30}, 30)
    assert run.bounds == (run.accuracy, run.accuracy + 0.6)


def test_events_tell_of_all_that_happens(tmp_path: Path) -> None:
    seen: list[Any] = []
    evals.evaluate(sums(3), SelfConsistency(of=Direct(), samples=2), scripted(adds), out=tmp_path, on_event=seen.append)
    kinds = [type(event).__name__ for event in seen]
    assert (kinds[0], kinds[-1]) == ("RunStarted", "RunEnded")
    assert {"DrawEvent", "PathEvent", "TallyEvent", "StopEvent", "ItemEvent"} < set(kinds)
    assert sum(isinstance(event, ItemScored) for event in seen) == 3
    assert next(event for event in seen if isinstance(event, RunEnded)).header.status == "complete"


@pytest.mark.parametrize("at", [RunStarted, ItemScored])
def test_a_listener_that_breaks_stops_the_run_and_the_folder_says_so(at: type, tmp_path: Path) -> None:
    def listen(event: object) -> None:
        if isinstance(event, at):
            raise KeyError("a fault of the listener")

    with pytest.raises(KeyError):
        evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path, on_event=listen)
    header = load_run(tmp_path / "sums--direct--scripted-script").header
    assert (header.status, header.stopped_by) == ("stopped", "KeyError: 'a fault of the listener'")


def test_cancelling_leaves_a_log_to_go_on_with(tmp_path: Path) -> None:
    async def interrupted() -> None:
        slow = Scripted(adds, scripted(adds).options.model_copy(update={"latency_s": 0.01}))
        under_way = asyncio.Event()

        def watch(event: object) -> None:
            if isinstance(event, ItemScored):
                under_way.set()

        run = asyncio.create_task(evals.aevaluate(sums(400), Direct(), slow, out=tmp_path, on_event=watch))
        await under_way.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(interrupted())
    run = load_run(tmp_path / "sums--direct--scripted-script")
    assert (run.status, 0 < run.done < 400) == ("interrupted", True)
    assert evals.evaluate(sums(400), Direct(), scripted(adds), out=tmp_path).done == 400


def test_problems_beyond_the_look_ahead_come_in_turn() -> None:
    run = evals.evaluate(sums(1000), Direct(), scripted(adds), out=None)
    assert (run.done, run.accuracy) == (1000, 0.5)
