"""A record survives being a line of the log, whatever is in it, and each text is in the line once."""

import asyncio
import json
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solving import scripted

from evals.item import Item
from evals.lines import Context, Shared, decode, encode, from_bytes, to_bytes
from evals.lines.texts import Texts, read_texts
from evals.record import Record
from evals.summary import Summary
from reasoning.answer import kind
from reasoning.backends.scripted import Script
from reasoning.completion import Completion, Failure
from reasoning.request import Request
from reasoning.usage import Usage
from sandbox.outcome import Isolation, Outcome
from strategies.chain_of_thought import ChainOfThought
from strategies.direct import Direct
from strategies.path import Path
from strategies.result import Result
from strategies.self_consistency import SelfConsistency
from strategies.stopping import Window
from strategies.strategy import Strategy
from strategies.tally import AnswerClass, Tally

ITEM = Item.of("i1", "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts?", "3")


def solved(strategy: Strategy, script: Script, item: Item = ITEM, seed: int = 0, **able: object) -> Record:
    result = asyncio.run(strategy.asolve(item.problem, scripted(script, **able), seed=seed))
    return Record.of(item, timed(result))


def timed(result: Result) -> Result:
    """With times that a line holds exactly."""
    paths = tuple(
        path.model_copy(
            update={"completions": tuple(c.model_copy(update={"latency_s": 0.25}) for c in path.completions)}
        )
        for path in result.paths
    )
    return result.model_copy(update={"paths": paths, "seconds": 1.5})


def again(record: Record, seed: int = 0) -> tuple[Record, str]:
    """A record through its line, with nothing shared but what stands in `run.json`."""
    written = Context(ITEM.problem.kind, Shared(), seed)
    data = to_bytes(encode(record, written))
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    kept = json.loads(json.dumps(written.shared.values))
    return decode(from_bytes(data), Context(ITEM.problem.kind, Shared(kept), seed)), data.decode()


def replies(*texts: str) -> Script:
    return lambda request, index: texts[index % len(texts)]


@pytest.mark.parametrize("style", ["text", "chat"])
@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize(
    "strategy",
    [
        Direct(),
        Direct(shots="word-problems", most_shots=2),
        ChainOfThought(),
        ChainOfThought(shots="word-problems"),
        SelfConsistency(of=ChainOfThought(), samples=7),
        SelfConsistency(of=ChainOfThought(shots="word-problems"), samples=9, stop=Window(size=3)),
    ],
    ids=lambda strategy: f"{strategy.name()}-{'two-stage' if 'shots' not in str(strategy.config) else ''}",
)
def test_what_strategies_return_survives(strategy: Strategy, seed: int, style: str) -> None:
    record = solved(
        strategy,
        replies("So 2 + 1 = 3. The answer is 3.", "The answer is 4.", "I cannot tell."),
        seed=seed,
        style=style,
    )
    assert again(record, seed)[0] == record


def test_each_text_stands_in_a_line_once() -> None:
    thought = "First the blue fiber takes two bolts, and the white one half of that, which makes one more bolt."

    def script(request: object, index: int) -> str:
        return f"{thought} ({index}) The answer is {index % 3}."

    record = solved(SelfConsistency(of=ChainOfThought(), samples=8), script, style="text")
    line = again(record)[1]
    assert line.count(ITEM.problem.question) == 1
    assert line.count("Let's think step by step.") == 1
    assert all(line.count(f"{thought} ({index})") == 1 for index in range(8))


def test_a_failed_a_cut_and_a_refused_draw_survive() -> None:
    failure = Failure(
        kind="rate_limit", message="slow down", retryable=True, retry_after=2.0, usage=Usage(prompt_tokens=3)
    )

    def script(request: object, index: int) -> Completion:
        return [
            Completion(index=0, finish="failed", failure=failure, usage=failure.usage),
            Completion(index=0, text="cut off at 3", finish="length"),
            Completion(index=0, finish="refusal"),
            Completion(index=0, finish="content_filter"),
            Completion(
                index=0, text="The answer is 3.", reasoning="thoughts", model="m-1", fingerprint="fp", cost=0.125,
                usage=Usage(prompt_tokens=5, completion_tokens=4, reasoning_tokens=2, cached_tokens=1, estimated=True),
                billed=Usage(completion_tokens=4), rendered="<|user|>…", degradations=("no seed",), seed=7,
            ),
            Completion(index=0, text="The answer is 3.", model="m-2"),
        ][index]  # fmt: skip

    record = solved(SelfConsistency(of=Direct(), samples=6), script)
    assert {path.status for path in record.result.paths} == {"failed", "truncated", "refused", "filtered", "ok"}
    assert again(record)[0] == record


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(status="ok", value=3, isolation=Isolation(level="standard", layers={"seccomp": "fork refused"})),
        Outcome(status="ok", value=Fraction(1, 3), stdout="printed", stderr="warned", truncated=True, wall_s=0.25,
                cpu_s=0.125, max_rss_bytes=12 << 20, isolation=Isolation(level="strict")),
        Outcome(status="error", error="Traceback …\nNameError: x", hint="Define", isolation=Isolation(level="minimal")),
        Outcome(status="timeout", error="ran past 5 s", isolation=Isolation(level="standard")),
    ],
)  # fmt: skip
def test_a_program_and_its_outcome_survive(outcome: Outcome) -> None:
    program = "ans = 1 + 2"
    completions = (Completion(index=0, text=f"```python\n{program}\n```"),)
    if outcome.ok:
        answer = ITEM.problem.kind.parse(outcome.value)
        path = Path.answered(ITEM.problem, 0, completions, answer, program=program, outcome=outcome, rule="program")
    else:
        reason = f"{outcome.status}: {outcome.error}"
        path = Path.without_answer(0, "program_failed", reason, completions, program=program, outcome=outcome)
    leader = () if path.key is None else (AnswerClass(key=path.key, answer=path.answer, votes=1, weight=1),)
    tally = Tally(classes=leader, abstained=1 - len(leader))
    record = Record.of(ITEM, Result.decided(ITEM.problem, [path], tally, "single path"))
    back, line = again(record)
    assert back == record
    assert line.count(program) == 1


def test_an_error_of_the_strategy_survives() -> None:
    record = Record.of(ITEM, Result(problem=ITEM.problem, stopped="error", error="KeyError: 'x'"), repeat=2)
    assert again(record)[0] == record


def test_a_weighted_tally_and_its_tie_survive() -> None:
    paths = [
        Path.answered(ITEM.problem, i, (), Fraction(a), signals={"judge": 0.5}) for i, a in enumerate((3, 4, 4, 5))
    ]
    classes = [("3", 1, 0.75), ("4", 2, 0.75), ("5", 1, 0.1)]
    tally = Tally(
        classes=tuple(AnswerClass(key=k, answer=Fraction(k), votes=v, weight=w) for k, v, w in classes), tied=("3", "4")
    )
    result = Result.decided(ITEM.problem, paths, tally, "all 4 samples drawn", key="4", degradations=("no logprobs",))
    record = Record.of(ITEM, result.model_copy(update={"order_safe": False}))
    assert record.path_scores == (1.0, 0.0, 0.0, 0.0)
    assert again(record)[0] == record


def test_asides_and_members_survive_and_count() -> None:
    aside = Completion(
        index=0, text="80", usage=Usage(prompt_tokens=7, completion_tokens=1), request=Request(prompt="Sure?")
    )
    path = Path.answered(ITEM.problem, 0, (), Fraction(3), signals={"judge": 0.8}, asides=(aside,), member=1)
    tally = Tally(classes=(AnswerClass(key="3", answer=Fraction(3), votes=1, weight=1),))
    record = Record.of(ITEM, Result.decided(ITEM.problem, [path], tally, "single path"))
    back, line = again(record)
    assert back == record
    summary = Summary()
    summary.add(json.loads(line))
    assert summary.usage == record.result.usage == Usage(prompt_tokens=7, completion_tokens=1)


def test_metadata_group_and_path_scores_of_a_verifier_survive() -> None:
    item = Item(problem=ITEM.problem, verify=lambda answer: float(answer in (3, 4)), metadata={"level": 2}, group="g")
    record = solved(SelfConsistency(of=Direct(), samples=3), replies("3", "4", "5"), item)
    assert record.path_scores == (1.0, 1.0, 0.0)
    assert again(record)[0] == record


@settings(deadline=None)  # one of two cores may be busy
@given(st.lists(st.text(), min_size=1, max_size=4), st.text())
def test_any_text_survives(texts: Sequence[str], question: str) -> None:
    item = Item.of("i", question, "3")
    record = solved(SelfConsistency(of=Direct(style="text"), samples=len(texts)), replies(*texts), item)
    assert again(record)[0] == record


def test_lone_surrogates_survive() -> None:
    record = solved(Direct(), replies("\ud800 The answer is 3."))
    assert again(record)[0] == record


@settings(deadline=None)  # one of two cores may be busy
@given(st.lists(st.text(alphabet="abc \n", min_size=1, max_size=40), max_size=8))
def test_texts_made_of_earlier_ones_are_put_together_again(parts: list[str]) -> None:
    texts = Texts("a question of some length")
    joined = "".join(parts)
    rows = [texts.add(part) for part in parts] + [texts.add(joined, parts), texts.add(joined + "!", (joined,))]
    read = read_texts(json.loads(json.dumps(texts.rows)))
    assert [read[row] for row in rows] == [*parts, joined, joined + "!"]


def test_shared_values_have_the_same_names_in_whatever_order_they_come() -> None:
    one, other = Shared(), Shared()
    values = [{"temperature": 0.7}, "a note", ["model", None]]
    assert {one.name(value) for value in values} == {other.name(value) for value in reversed(values)}
    assert [one.value(one.name(value)) for value in values] == values


def test_a_server_that_never_repeats_itself_does_not_fill_what_is_shared() -> None:
    shared = Shared()
    names = [shared.name(["m", f"fp-{number}"]) for number in range(1000)]
    assert len(shared.values) < 300
    assert [shared.value(name)[1] for name in names] == [f"fp-{number}" for number in range(1000)]


def test_a_kind_that_is_not_a_number_survives() -> None:
    item = Item.of("c", "Which?\n(A) one\n(B) two", "B", "choice")
    record = solved(Direct(), replies("The answer is (B)."), item)
    context = Context(kind("choice"), Shared())
    assert decode(from_bytes(to_bytes(encode(record, context))), context) == record
    assert record.score == 1.0
