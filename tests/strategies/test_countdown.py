"""Tree of thoughts on real items of `reasoning-gym:countdown` and `reasoning-gym:puzzle24`, scored by their verifiers.

The player is scripted, but solves nothing by itself: it lists the legal moves from where it stands, and its verdict
looks one move ahead. Whether the numbers come out is up to the search.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import combinations

import pytest
from solving import scripted

from evals.loading import load_task
from evals.suite import read_suite, suite_file
from reasoning.request import Request
from strategies.strategy import Strategy
from strategies.tree_of_thoughts import TreeOfThoughts

ITEMS = [
    *load_task("reasoning-gym:countdown", size=2, min_numbers=4, max_numbers=4),
    *load_task("reasoning-gym:puzzle24", size=2),
]
SEARCH = TreeOfThoughts(depth=3, breadth=64, proposals=32)


def moves(terms: list[str]) -> Iterator[list[str]]:
    """The terms after one legal move: two of them are joined to one."""
    for at, to in combinations(range(len(terms)), 2):
        a, b = terms[at], terms[to]
        rest = [term for place, term in enumerate(terms) if place not in (at, to)]
        for joined in (f"({a} + {b})", f"({a} * {b})", f"({a} - {b})", f"({b} - {a})", f"({a} / {b})", f"({b} / {a})"):
            if value(joined) is not None and (value(joined) or 0) >= 0:
                yield [*rest, joined]


@cache
def value(term: str) -> Fraction | None:
    """What a term of our own making comes to."""
    try:
        return Fraction(eval(re.sub(r"\d+", r"Fraction(\g<0>)", term), {"Fraction": Fraction}))
    except ZeroDivisionError:
        return None


def player(request: Request, index: int) -> str:
    asked = request.prompt or request.messages[-1].content
    target, numbers = told(asked)
    steps = re.findall(r"^\d+\. left: (.+)$", asked, re.MULTILINE)
    terms = steps[-1].split("; ") if steps else numbers
    if "next steps" in asked:
        return "\n".join(f"left: {'; '.join(after)}" for after in moves(terms))
    if "one word" in asked:
        if len(terms) > 2:
            return "likely"
        ends = [terms] if len(terms) == 1 else list(moves(terms))
        return "sure" if any(value(last) == target for (last,) in ends) else "impossible"
    return f"The answer is {terms[-1]}"


def told(asked: str) -> tuple[int, list[str]]:
    """The target and the numbers of a question."""
    target = re.search(r"(?:Calculate|make|Make) (\d+)", asked)
    numbers = re.search(r"(?:numbers: |using )(\d[\d, ]*\d)", asked)
    assert target is not None, asked
    assert numbers is not None, asked
    return int(target[1]), numbers[1].replace(" ", "").split(",")


def score(strategy: TreeOfThoughts, at: int) -> float:
    item = ITEMS[at]
    assert item.verify is not None
    answer = strategy.solve(item.problem, scripted(player, style="chat")).answer
    return 0.0 if answer is None else item.verify(answer)


@pytest.mark.parametrize("at", range(len(ITEMS)))
def test_the_search_finds_an_expression_that_the_verifier_accepts(at: int) -> None:
    assert score(SEARCH, at) == 1.0


def test_a_greedy_walk_over_the_same_moves_misses_some() -> None:
    narrow = SEARCH.model_copy(update={"breadth": 1})
    assert sum(score(narrow, at) for at in range(len(ITEMS))) < len(ITEMS)


def test_the_suite_of_this_project_compares_it_on_these_tasks() -> None:
    file = suite_file("countdown")
    assert file is not None
    suite = read_suite(file)
    assert [task.name for task in suite.tasks] == ["reasoning-gym:countdown", "reasoning-gym:puzzle24"]
    assert Strategy.of_config("tree-of-thoughts").name() in [entry.name for entry in suite.strategies]
