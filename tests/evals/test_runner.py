"""Runs: scored, logged, resumed, grown, killed, stopped, and never losing an item."""

import asyncio
import datetime
import errno
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from solving import scripted

import evals
from evals import runlog
from evals.events import ItemScored, RunEnded, RunStarted
from evals.item import Item
from evals.run import load_run
from evals.task import Task
from reasoning.backends.scripted import Scripted
from reasoning.completion import Completion, Failure
from reasoning.errors import AuthenticationError, ConfigError, DataError, SpendLimitError, UnknownNameError, UsageError
from reasoning.request import Request
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.self_consistency import SelfConsistency

HERE = Path(__file__).parent


def sums(count: int) -> Task:
    """What is i + 2? Golds are i + 2; levels alternate."""
    items = [Item.of(f"sum-{i}", f"What is {i} + 2?", str(i + 2), metadata={"level": i % 2}) for i in range(count)]
    return Task.of("sums", items)


def number(request: Request) -> int:
    """The number that is asked about."""
    text = request.prompt or " ".join(message.content for message in request.messages)
    return int(re.findall(r"What is (\d+) \+ 2\?", text)[-1])


def adds(request: Request, index: int) -> str:
    """Right on even numbers, one off on odd ones."""
    return f"The answer is {number(request) + 2 + number(request) % 2}."


def plain_lines(folder: Path) -> set[str]:
    """The lines of a log without their timings."""
    lines = set()
    for text in (folder / "results.jsonl").read_text().splitlines():
        line = json.loads(text)
        line.pop("ms", None)
        for path in line["p"]:
            path["d"] = [[*draw[:4], *draw[5:]] for draw in path["d"]]
        lines.add(json.dumps(line, sort_keys=True))
    return lines


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


def test_a_run_is_loaded_as_it_was(tmp_path: Path) -> None:
    run = evals.evaluate(sums(10), SelfConsistency(of=ChainOfThought(), samples=3), scripted(adds), out=tmp_path)
    loaded = load_run(tmp_path / "sums--self-consistency--scripted-script")
    assert loaded.to_json() == run.to_json()
    assert list(loaded.records) == list(run.records)
    assert list(loaded.results[2:4]) == list(loaded.results)[2:4]
    assert loaded.header == run.header
    assert len(loaded.frame()) == 10


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
    run = evals.evaluate(task, ChainOfThought(), scripted(adds), out=tmp_path)
    assert run.header.strategy["chain-of-thought"]["shots"] == "word-problems"
    chosen = evals.evaluate(task, ChainOfThought(shots=None), scripted(adds), out=tmp_path, name="none")
    assert chosen.header.strategy["chain-of-thought"]["shots"] is None


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


def test_repeats_of_greedy_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sampling\.temperature"):
        evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path, repeats=2)
    assert not list(tmp_path.iterdir())


def test_a_torn_last_line_is_dropped_and_its_problem_done_again(tmp_path: Path) -> None:
    run = evals.evaluate(sums(10), Direct(), scripted(adds), out=tmp_path)
    assert run.folder is not None
    log = run.folder / "results.jsonl"
    whole = plain_lines(run.folder)
    log.write_bytes(log.read_bytes()[:-7])
    assert load_run(run.folder).done == 9
    backend = scripted(adds)
    again = evals.evaluate(sums(10), Direct(), backend, out=tmp_path)
    assert (len(backend.calls), again.done) == (1, 10)
    assert plain_lines(run.folder) == whole


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    run = evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)
    assert run.folder is not None
    log = run.folder / "results.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + b"\0\0\0\n" + lines[2])
    with pytest.raises(DataError, match=f"at byte {len(lines[0])}"):
        load_run(run.folder)


def test_a_header_that_is_no_text_is_damaged_and_not_a_traceback(tmp_path: Path) -> None:
    run = evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)
    assert run.folder is not None
    (run.folder / "run.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"run\.json is no run\.json"):
        load_run(run.folder)
    with pytest.raises(DataError, match=r"run\.json is no run\.json"):
        evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)


def test_a_header_that_cannot_be_written_is_said_with_what_to_do(tmp_path: Path) -> None:
    header = tmp_path / "sums--direct--scripted-script" / "run.json"

    def put_a_folder_in_its_place(event: object) -> None:
        if isinstance(event, ItemScored) and header.is_file():
            header.unlink()
            header.mkdir()

    with pytest.raises(DataError, match="could not be written: .*run again"):
        evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path, on_event=put_a_folder_in_its_place)


def test_metadata_that_json_has_no_form_for_stands_in_the_log_as_text(tmp_path: Path) -> None:
    items = [Item.of("i", "What is 1 + 2?", "3", metadata={"day": datetime.date(2024, 2, 29), "odd": "\ud800"})]
    run = evals.evaluate(Task.of("dated", items), Direct(), scripted(adds), out=tmp_path)
    assert run["i"].metadata == {"day": "2024-02-29", "odd": "\ud800"}


def test_metadata_is_sliced_by_whatever_it_is_and_clobbers_no_column_of_a_frame() -> None:
    metadata = {"score": "hard", "tags": ["a", ["b"]], "about": {"level": 1}}
    run = evals.evaluate(
        Task.of("t", [Item.of("i", "What is 2 + 2?", "4", metadata=metadata)]), Direct(), scripted(adds), out=None
    )
    assert [list(run.by(column)) for column in metadata] == [["hard"], [("a", ("b",))], ['{"level": 1}']]
    frame = run.frame()
    assert (frame["score"].item(), frame["meta_score"].item()) == (1.0, "hard")


def test_a_folder_that_cannot_be_locked_is_not_taken_for_one_that_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(runlog, "hold", refuse)
    with pytest.raises(DataError, match="No locks available; name an --out on a local disk"):
        evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    from evals.lock import hold

    run = evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)
    assert run.folder is not None
    with (run.folder / "results.jsonl").open("ab") as other:
        hold(other)
        with pytest.raises(UsageError, match="Another process"):
            evals.evaluate(sums(3), Direct(), scripted(adds), out=tmp_path)
    assert load_run(run.folder).done == 3


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
    again = evals.evaluate(sums(10), Direct(), backend, out=tmp_path)
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


KILLED = """
import sys
sys.path.insert(0, {here!r})
import evals
from test_runner import sums, adds
from reasoning.backends.scripted import Scripted, ScriptedOptions
from strategies.chain_of_thought import ChainOfThought
from strategies.self_consistency import SelfConsistency

backend = Scripted(adds, ScriptedOptions(latency_s=0.001))
strategy = SelfConsistency(of=ChainOfThought(), samples=3)
print(evals.evaluate(sums(150), strategy, backend, out=sys.argv[1], repeats=2).done)
"""


def killed_at(out: Path, seconds: float) -> bool:
    """Runs until it ends, or is killed as many seconds after its first line; whether it was killed."""
    code = KILLED.format(here=str(HERE))
    support = os.pathsep.join(str(HERE.parent / folder) for folder in ("support", "servers"))
    environment = {**os.environ, "PYTHONPATH": support}
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(out)], stdout=subprocess.DEVNULL, env=environment, cwd=HERE.parents[1]
    )
    log = out / "sums--self-consistency--scripted-script" / "results.jsonl"
    before = log.stat().st_size if log.exists() else 0
    while process.poll() is None and (log.stat().st_size if log.exists() else 0) == before:
        time.sleep(0.002)
    try:
        assert process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def test_a_run_killed_at_random_moments_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    chance = random.Random(7)
    kills = 0
    while killed_at(tmp_path / "killed", chance.uniform(0, 0.3)):
        kills += 1
        assert load_run(tmp_path / "killed" / "sums--self-consistency--scripted-script").done
        assert kills < 60
    while killed_at(tmp_path / "whole", 120):
        pytest.fail("the undisturbed run took two minutes")
    killed, whole = (tmp_path / part / "sums--self-consistency--scripted-script" for part in ("killed", "whole"))
    assert kills >= 2
    assert len((killed / "results.jsonl").read_text().splitlines()) == 300
    assert plain_lines(killed) == plain_lines(whole)
    left_out = {"shared", "started", "seconds", "host"}
    one, other = (load_run(folder).header.model_dump(exclude=left_out) for folder in (killed, whole))
    assert one == other


def test_problems_beyond_the_look_ahead_come_in_turn() -> None:
    run = evals.evaluate(sums(1000), Direct(), scripted(adds), out=None)
    assert (run.done, run.accuracy) == (1000, 0.5)
