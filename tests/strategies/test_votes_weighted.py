"""Votes that weigh paths: by likelihood, trace confidence, the model's own word, a judge, a reward model."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solving import PROBLEM, scripted, voted

from reasoning.backends.backend import Scores
from reasoning.completion import Completion, Logprobs
from reasoning.errors import ConfigError
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.best_of_n import BestOfN
from strategies.chain_of_thought import ChainOfThought
from strategies.confidence import Confidence
from strategies.direct import Direct
from strategies.judging import Judged, Scored, picked
from strategies.path import Path
from strategies.program_of_thought import ProgramOfThought
from strategies.self_consistency import SelfConsistency
from strategies.self_refine import SelfRefine
from strategies.strategy import PathStrategy
from strategies.voting import Majority, Vote
from strategies.weighting import Likelihood, TraceConfidence


def with_signals(signal: str, *pairs: tuple[int | None, float]) -> list[Path]:
    paths = voted(*(answer for answer, _ in pairs))
    return [path.model_copy(update={"signals": {signal: value}}) for path, (_, value) in zip(paths, pairs, strict=True)]


def likely(answer: int, *logprobs: float) -> Completion:
    tokens = tuple(f"t{n}" for n in range(len(logprobs)))
    return Completion(index=0, text=f"The answer is {answer}", logprobs=Logprobs(tokens=tokens, values=logprobs))


def test_likelihood_is_normalised_by_length() -> None:
    """A long sure path outweighs a short unsure one, though its whole probability is smaller."""
    replies = [likely(1, -0.1, -0.1, -0.1, -0.1, -0.1, -0.1, -0.1, -0.1, -0.1, -0.1), likely(2, -0.6)]
    strategy = SelfConsistency(of=Direct(), samples=2, vote=Likelihood())
    result = strategy.solve(PROBLEM, scripted(lambda request, index: replies[index]))
    assert result.answer == 1
    assert result.paths[0].signals["likelihood"] == pytest.approx(math.exp(-0.1))
    assert result.paths[1].signals["likelihood"] == pytest.approx(math.exp(-0.6))


def test_a_vote_that_reads_logprobs_asks_for_them_in_the_strategys_own_configuration() -> None:
    sampling = SelfConsistency(of=Direct(), vote=TraceConfidence(alternatives=7)).of.model_dump()["direct"]["sampling"]
    assert sampling["logprobs"] == 7
    kept = SelfConsistency(of=Direct(sampling=Sampling(logprobs=9)), vote=Likelihood())
    assert kept.of.model_dump()["direct"]["sampling"]["logprobs"] == 9


def test_without_logprobs_every_path_weighs_the_same_and_it_is_said() -> None:
    answers = [1, 2, 2]
    strategy = SelfConsistency(of=Direct(), samples=3, vote=Likelihood())
    result = strategy.solve(PROBLEM, scripted(lambda request, index: f"The answer is {answers[index]}"))
    assert result.answer == 2
    assert result.degradations == ("the backend gives no log-probabilities: every path weighs the same",)


@pytest.mark.parametrize("of", [ChainOfThought(), SelfRefine(of=Direct()), ProgramOfThought(fallback=Direct())])
def test_a_path_of_several_draws_weighs_by_the_last_that_was_drawn_for_it(of: PathStrategy) -> None:
    """A greedy conclusion is asked without log-probabilities: the thought before it has them."""

    def script(request: Request, index: int) -> Completion:
        if request.sampling.logprobs is None:
            return Completion(index=0, text="The answer is 4")
        return likely(4, -0.1 * (1 + index))

    result = SelfConsistency(of=of, samples=2, vote=Likelihood()).solve(PROBLEM, scripted(script, style="text"))
    assert [path.signals["likelihood"] for path in result.paths] == [
        pytest.approx(math.exp(-0.1)),
        pytest.approx(math.exp(-0.2)),
    ]
    assert not any("log-probabilities" in note for note in result.degradations)


def _trace(*confidences: float) -> Logprobs:
    """Tokens with two alternatives each, whose confidence −(1/2) Σ log p is as given."""
    top = tuple((("a", -c), ("b", -c)) for c in confidences)
    return Logprobs(tokens=("t",) * len(top), values=tuple(-c for c in confidences), top=top)


@pytest.mark.parametrize(
    ("measure", "value"),
    [("mean", 5.5), ("tail", 9.5), ("lowest", 1.5), ("bottom", 1.5)],
)
def test_trace_confidence_measures_groups(measure: str, value: float) -> None:
    vote = TraceConfidence(measure=measure, window=0.2)  # type: ignore[arg-type]
    assert vote.measured(_trace(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)) == pytest.approx(value)


@given(st.lists(st.floats(0, 20), min_size=1, max_size=60), st.floats(0.01, 1))
def test_a_groups_mean_is_between_the_least_and_the_largest_token(values: list[float], window: float) -> None:
    for measure in ("mean", "tail", "lowest", "bottom"):
        found = TraceConfidence(measure=measure, window=window).measured(_trace(*values))  # type: ignore[arg-type]
        assert found >= 0  # no rounding makes a weight of less than none
        assert min(values) - 1e-9 <= found <= max(values) + 1e-9


def test_the_least_confident_paths_are_left_out() -> None:
    paths = with_signals("trace_confidence", (1, 9.0), (2, 1.0), (None, 0.0), (1, 8.0), (2, 2.0))
    assert list(TraceConfidence(keep=0.5).weights(paths)) == [9.0, 0.0, 0.0, 8.0, 0.0]


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3, None]), st.floats(0, 1)), min_size=1, max_size=12))
def test_confidence_at_a_high_temperature_is_a_majority_vote(pairs: list[tuple[int | None, float]]) -> None:
    paths = with_signals("confidence", *pairs)
    hot, plain = Confidence(temperature=1e9).tally(paths, "s"), Majority().tally(paths, "s")
    counts = [found.votes for found in plain.classes]
    if len(counts) > 1 and counts[0] == counts[1]:
        return  # a tie is broken by differences in the ninth place
    assert [found.key for found in hot.classes][:1] == [found.key for found in plain.classes][:1]


def test_confidence_weighs_by_softmax() -> None:
    paths = with_signals("confidence", (1, 0.9), (2, 0.1), (None, 1.0))
    weights = Confidence(temperature=0.4).weights(paths)
    assert weights[0] / weights[1] == pytest.approx(math.exp(0.8 / 0.4))
    assert weights[2] == 0
    assert sum(weights) == pytest.approx(1)


def test_verbal_confidence_is_asked_after_the_path_and_counted() -> None:
    def script(request: Request, index: int) -> str:
        asked = request.prompt or request.messages[-1].content
        return (
            ("95" if "answer is 1" in str(request) else "5")
            if "confident" in asked
            else f"The answer is {[1, 2, 2][index]}"
        )

    strategy = SelfConsistency(of=Direct(), samples=3, vote=Confidence(method="verbal", temperature=0.2))
    result = strategy.solve(PROBLEM, scripted(script))
    assert result.answer == 1
    assert [path.signals["confidence"] for path in result.paths] == [0.95, 0.05, 0.05]
    assert all(len(path.asides) == 1 for path in result.paths)
    assert result.usage.completion_tokens == 3 * 4 + 3


def test_p_true_reads_the_first_deciding_token() -> None:
    top = (((" ", -0.1),), (("1", math.log(0.6)), ("0", math.log(0.2))))
    said = Completion(index=0, text=" 1", logprobs=Logprobs(tokens=(" ", "1"), values=(-0.1, math.log(0.6)), top=top))

    def script(request: Request, index: int) -> str | Completion:
        return said if "correct" in (request.prompt or request.messages[-1].content) else "The answer is 4"

    result = SelfConsistency(of=Direct(), samples=2, vote=Confidence()).solve(PROBLEM, scripted(script))
    assert [path.signals["confidence"] for path in result.paths] == [pytest.approx(0.75)] * 2


@pytest.mark.parametrize(
    ("top", "value", "sure"),
    [((("9", -0.1),), -0.2, 1.0), ((), -0.2, 1.0), ((("1", -math.inf), ("0", -math.inf)), -math.inf, 1.0)],
    ids=["chosen not listed", "none listed", "no mass"],
)
def test_p_true_takes_the_chosen_token_where_the_alternatives_do_not_say(
    top: tuple[tuple[str, float], ...], value: float, sure: float
) -> None:
    said = Completion(index=0, text="1", logprobs=Logprobs(tokens=("1",), values=(value,), top=(top,)))

    def script(request: Request, index: int) -> str | Completion:
        return said if "correct" in (request.prompt or request.messages[-1].content) else "The answer is 4"

    result = SelfConsistency(of=Direct(), samples=2, vote=Confidence()).solve(PROBLEM, scripted(script))
    assert [path.signals["confidence"] for path in result.paths] == [sure] * 2


@pytest.mark.parametrize("nonsense", ["I feel great", "", "250"])
def test_a_confidence_that_cannot_be_read_makes_weights_equal_and_is_said(nonsense: str) -> None:
    def script(request: Request, index: int) -> str:
        asked = request.prompt or request.messages[-1].content
        return nonsense if "confident" in asked else f"The answer is {[3, 4, 4][index]}"

    strategy = SelfConsistency(of=Direct(), samples=3, vote=Confidence(method="verbal"))
    result = strategy.solve(PROBLEM, scripted(script))
    assert result.answer == 4
    assert "weighs the same" in result.degradations[0]


def test_a_model_that_reasons_has_room_to_before_its_word_on_itself() -> None:
    def script(request: Request, index: int) -> Completion:
        confident = "confident" in request.messages[-1].content
        if confident and (request.sampling.max_tokens or 0) < 1000:
            return Completion(index=0, finish="length")
        return Completion(index=0, text="80" if confident else "The answer is 4")

    strategy = SelfConsistency(of=Direct(), samples=2, vote=Confidence(method="verbal"))
    result = strategy.solve(PROBLEM, scripted(script, reasoning=True, thinks=True, style="chat", text=False))
    assert [path.signals["confidence"] for path in result.paths] == [0.8, 0.8]


def judge(grades: dict[str, str]) -> object:
    def script(request: Request, index: int) -> str:
        return next(grade for answer, grade in grades.items() if f"Answer: {answer}" in request.messages[-1].content)

    return scripted(script)


def test_the_judge_role_grades_and_argmax_takes_the_best_path() -> None:
    answers = [1, 2, 2, 3]
    backend = scripted(lambda request, index: f"The answer is {answers[index]}")
    roles = {"judge": judge({"1": "Sound. Score: 9", "2": "Weak.\nScore: 5/10", "3": "Score: 1"})}
    best = BestOfN(of=Direct(), samples=4).solve(PROBLEM, backend, backends=roles)
    assert best.answer == 1
    weighted = BestOfN(of=Direct(), samples=4, vote=Judged()).solve(PROBLEM, backend, backends=roles)
    assert weighted.answer == 2
    assert weighted.tally.classes[0].weight == pytest.approx(1.0)


def test_a_judge_that_talks_nonsense_weighs_nothing_and_it_is_said() -> None:
    answers = [1, 2]
    backend = scripted(lambda request, index: f"The answer is {answers[index]}")
    roles = {"judge": judge({"1": "Score: 99", "2": "Score: 3"})}
    result = BestOfN(of=Direct(), samples=2).solve(PROBLEM, backend, backends=roles)
    assert result.answer == 2
    assert "no grade from 0 to 10" in result.degradations[0]


@pytest.mark.parametrize("grade", ["Lovely!", "Score: 0", "Score: -2"])
def test_grades_that_tell_no_path_from_another_leave_the_plurality(grade: str) -> None:
    answers = [1, 2, 2]
    backend = scripted(lambda request, index: f"The answer is {answers[index]}")
    roles = {"judge": scripted(lambda request, index: grade)}
    result = SelfConsistency(of=Direct(), samples=3, vote=Judged()).solve(PROBLEM, backend, backends=roles)
    assert result.answer == 2
    assert result.tally.tied == ()


class RewardModel:
    """Scores the steps of a text from a table."""

    def __init__(self, steps: dict[str, tuple[float, ...]]) -> None:
        self.steps = steps
        inner = scripted(lambda request, index: "", scoring=True)
        self.spec, self.identity, self.capabilities = "reward", inner.identity, inner.capabilities

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        return [Scores(values=self.steps[text]) for text in texts]

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        raise AssertionError("a reward model writes nothing")

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize(("aggregate", "answer"), [("last", 1), ("min", 2), ("product", 3)])
def test_step_scores_are_aggregated(aggregate: str, answer: int) -> None:
    texts = {1: (0.1, 0.9), 2: (0.3, 0.3), 3: (0.25, 0.8)}
    roles = {"scorer": RewardModel({f"The answer is {n}": steps for n, steps in texts.items()})}
    vote = Scored(pick="argmax", aggregate=aggregate)  # type: ignore[arg-type]
    backend = scripted(lambda request, index: f"The answer is {index + 1}")
    assert BestOfN(of=Direct(), samples=3, vote=vote).solve(PROBLEM, backend, backends=roles).answer == answer


def test_a_scorer_that_scores_nothing_is_refused() -> None:
    backend = scripted(lambda request, index: "The answer is 1")
    with pytest.raises(ConfigError, match="scores no texts"):
        BestOfN(of=Direct(), samples=2, vote=Scored()).solve(PROBLEM, backend)


def test_negative_rewards_are_shifted() -> None:
    paths = with_signals("scorer", (1, -3.0), (2, -1.0), (2, -2.0))
    assert picked(paths, "scorer", "weighted") == [0.0, 2.0, 1.0]


@pytest.mark.parametrize("vote", [Majority(), Likelihood(), TraceConfidence(), Confidence(), Judged(), Scored()])
def test_every_vote_survives_its_configuration_and_an_empty_field(vote: Vote) -> None:
    assert Vote.of_config(vote.config) == vote
    assert vote.tally(voted(None, None), "s").leader is None
    assert vote.name() in Vote.known()
