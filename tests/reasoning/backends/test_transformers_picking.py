"""How the transformers backend picks tokens: the right distribution, transformers' own filters, and sure picks."""

import math
from typing import Any

import pytest

from reasoning.sampling import Sampling

pytestmark = pytest.mark.transformers

VOCABULARY = 3000
FILTERS: list[dict[str, Any]] = [
    {},
    {"top_k": 1},
    {"top_k": 7},
    {"top_k": 1500},
    {"top_k": 10**6},
    {"top_p": 0.3},
    {"top_p": 0.95},
    {"top_p": 0.9999},
    {"top_p": 1.0},
    {"min_p": 0.05},
    {"top_k": 40, "top_p": 0.8},
    {"top_k": 200, "top_p": 0.9, "min_p": 0.02},
]


def logits_of(rows: int, spread: float = 3.0, seed: int = 0) -> Any:
    import torch

    return torch.randn((rows, VOCABULARY), generator=torch.Generator().manual_seed(seed)) * spread


def settings(sampling: Sampling, seeds: range, step: int = 0) -> list[Any]:
    from reasoning.backends.transformers.picking import Setting

    return [Setting(sampling, seed, step) for seed in seeds]


def test_the_noise_is_gumbel_and_a_function_of_seed_step_and_token() -> None:
    import torch

    from reasoning.backends.transformers.noise import gumbel

    noise = gumbel(range(64), [3] * 64, 50_000, "cpu")
    assert noise.isfinite().all()
    assert noise.mean().item() == pytest.approx(0.57722, abs=0.003)
    assert noise.std().item() == pytest.approx(math.pi / math.sqrt(6), abs=0.003)
    uniform = (-(-noise.double()).exp()).exp()
    shares = torch.histc(uniform, 50, 0, 1) / uniform.numel()
    assert (shares - 0.02).abs().max().item() < 0.0005
    # The tail, which decides who wins: 1 − F(g) ≈ e^−g.
    for height in (8.0, 11.0):
        expected = noise.numel() * -math.expm1(-math.exp(-height))
        assert (noise > height).sum().item() == pytest.approx(expected, abs=5 * math.sqrt(expected))
    correlations = torch.corrcoef(noise) - torch.eye(64)
    assert correlations.abs().max().item() < 0.03, "rows do not know each other"
    assert torch.equal(gumbel([5], [3], 50_000, "cpu")[0], noise[5])
    assert not torch.equal(gumbel([5], [4], 50_000, "cpu")[0], noise[5])


@pytest.mark.parametrize("sampling", [{"temperature": 1.0}, {"temperature": 0.6, "top_k": 5}, {"top_p": 0.8}])
def test_picks_are_distributed_as_asked(sampling: dict[str, Any]) -> None:
    import torch

    from reasoning.backends.transformers.picking import pick

    draws = 20_000
    logits = torch.tensor([[2.0, 1.5, 1.0, 0.5, 0.0, -1.0, -2.0, -4.0]])
    wanted = Sampling.model_validate(sampling)
    tokens = torch.tensor(pick(logits.expand(draws, -1), settings(wanted, range(draws))).tokens)
    expected = torch.softmax(reference(logits, wanted), -1)[0]
    counts = torch.bincount(tokens, minlength=8)
    likely = expected > 0
    assert counts[~likely].sum() == 0
    surprise = ((counts - draws * expected)[likely] ** 2 / (draws * expected)[likely]).sum().item()
    assert surprise < 30, "chi-square of at most 7 degrees of freedom: beyond 30 one in 10,000"


def reference(logits: Any, sampling: Sampling) -> Any:
    """The scaled and filtered logits as transformers' own warpers have them."""
    from transformers.generation import MinPLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    scores = logits / (1.0 if sampling.temperature is None else sampling.temperature)
    if sampling.top_k is not None:
        scores = TopKLogitsWarper(sampling.top_k)(None, scores)
    if sampling.top_p is not None and sampling.top_p < 1:
        scores = TopPLogitsWarper(sampling.top_p)(None, scores)
    if sampling.min_p is not None:
        scores = MinPLogitsWarper(sampling.min_p)(None, scores)
    return scores


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("temperature", [0.2, 1.0, 2.0])
def test_the_filters_are_those_of_transformers(filters: dict[str, Any], temperature: float) -> None:
    import torch

    from reasoning.backends.transformers.noise import gumbel
    from reasoning.backends.transformers.picking import pick

    wanted = Sampling.model_validate({"temperature": temperature, **filters})
    logits = logits_of(64)
    noise = gumbel(range(64), [0] * 64, VOCABULARY, "cpu")
    expected = (reference(logits, wanted) + noise).argmax(-1)
    assert torch.equal(torch.tensor(pick(logits, settings(wanted, range(64))).tokens), expected)


def test_rows_of_all_settings_are_picked_together_as_alone() -> None:
    from reasoning.backends.transformers.picking import pick

    logits = logits_of(2 * len(FILTERS) + 1)
    each = [Sampling.model_validate({"temperature": heat, **f}) for heat in (0.7, 1.3) for f in FILTERS]
    each.insert(5, Sampling(temperature=0.0))
    asked = [settings(one, range(at, at + 1), step=at)[0] for at, one in enumerate(each)]
    together = pick(logits, asked)
    alone = [pick(logits[at : at + 1], [one]).tokens[0] for at, one in enumerate(asked)]
    assert together.tokens == alone
    assert together.tokens[5] == int(logits[5].argmax())
    assert all(together.sure)


@pytest.mark.parametrize("filters", [{"temperature": 0.0}, *FILTERS], ids=str)
def test_a_sure_pick_withstands_every_error_within_the_margin(filters: dict[str, Any]) -> None:
    import torch

    from reasoning.backends.transformers.picking import pick

    margin = 0.02
    wanted = Sampling.model_validate({"temperature": 0.8, **filters})
    logits = logits_of(200, spread=1.0)
    asked = settings(wanted, range(200))
    exact, picks = pick(logits, asked), pick(logits, asked, margin)
    assert sum(picks.sure) > 0, "a margin under which nothing is sure would prove nothing"
    for trial in range(20):
        error = (torch.rand(logits.shape, generator=torch.Generator().manual_seed(trial)) * 2 - 1) * margin
        shaken = pick(logits + error, asked)
        changed = [at for at in range(200) if shaken.tokens[at] != exact.tokens[at]]
        assert not [at for at in changed if picks.sure[at]]
    assert all(picks.tokens[at] == exact.tokens[at] for at in range(200) if picks.sure[at])


def test_logits_that_are_no_numbers_are_told() -> None:
    from reasoning.backends.transformers.picking import pick

    logits = logits_of(2)
    logits[1, 17] = math.nan
    for temperature in (0.0, 1.0):
        assert pick(logits, settings(Sampling(temperature=temperature), range(2))).finite == [True, False]
