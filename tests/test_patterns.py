"""A model's text of a million characters is read in a moment, whatever stands in it.

Every regular expression of the packages is listed here: with what reads a model's, a program's or a server's text by it
and the text that would take it longest, or with whose text it is that it meets instead. One that is not listed fails.
"""

import ast
import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from evals.exporting import _harmless
from evals.gym import Generator, Scored
from evals.missed import _elsewhere, _stands
from reasoning.answer import kind
from reasoning.backends.openai import faults
from reasoning.backends.openai.fields import finish_of
from reasoning.backends.openai.json_body import parsed
from reasoning.backends.openai.window import what_fits
from reasoning.backends.vllm.quiet import _ERROR
from reasoning.shown import safe
from reasoning.thoughts import Tags
from reasoning.worker import Worker
from strategies.confidence import NUMBER
from strategies.judging import SCORE
from strategies.least_to_most import smaller_questions
from strategies.program_of_thought import program_in
from strategies.self_refine import KEEP
from strategies.universal_self_consistency import NAMED

ROOT = Path(__file__).parents[1]
SIZE = 1_000_000
CPU_S = 2.0
"""Seconds for a text: more than the slowest reader takes, and a hundredth of what a quadratic pattern would."""

_CHOICE = kind("choice", options=("red hen", "blue fox", "big red hen"))
_NUMBER, _FORMULA = kind("number"), kind("expression")
_SCORED = Scored(Generator("complex_arithmetic", 1, 0, {}), {"answer": "1"}, kind("text"), partial=False)
_SCRUB = faults.Scrubber(["secret"])


def _refused(status: int, error: Any) -> faults.Trouble:
    return faults.of_status("server", status, {"retry-after": str(error)[:8000]}, {"error": error}, _SCRUB)


READERS: Mapping[str, Callable[[str], object]] = {
    "number": _NUMBER.extract,
    "number of a German": kind("number", locale="de").extract,
    "number alone": _NUMBER.parse,
    "choice": _CHOICE.extract,
    "choice alone": _CHOICE.parse,
    "boolean": kind("boolean").extract,
    "text": kind("text").extract,
    "text alone": kind("text").parse,
    "formula": _FORMULA.extract,
    "formula alone": _FORMULA.parse,
    "program": program_in,
    "questions": lambda text: smaller_questions(text, 6),
    "keep": KEEP.match,
    "confidence": NUMBER.search,
    "grade": SCORE.findall,
    "pick": NAMED.search,
    "score": _SCORED,
    "gold anywhere": lambda text: _stands(Fraction(7), _NUMBER, text),
    "gold elsewhere": lambda text: _elsewhere(Fraction(7), _NUMBER, text),
    "refusal": lambda text: _refused(400, {"message": text}).refuses({"n": 8, "temperature": 0.0, "max_tokens": 900}),
    "limit": lambda text: _refused(429, {"message": text, "code": text}),
    "too long": lambda text: what_fits(_refused(400, {"message": text}).words, 900, 80),
    "page": lambda text: faults.of_status("server", 502, {}, f"<html>{text}", _SCRUB),
    "credentials": _SCRUB,
    "finish": finish_of,
    "thoughts": Tags().split,
    "open thoughts": lambda text: Tags().split(text, opened=True),
    "prefill": lambda text: Tags().opened_by(text, text),
    "reply": lambda text: parsed(f'"{text}\\ud800"'.encode()),
    "cell": _harmless,
    "terminal": safe,
    "engine's error": _ERROR.findall,
}


def long(piece: str, before: str = "", after: str = "") -> str:
    """A text of a million characters."""
    return before + piece * (SIZE // len(piece)) + after


_SPACES = (long(" ", "The answer", "is x"), long("\n", "answer"), long("\t*", "answer is "), long(" (", "answer "))
_DIGITS = (long("1"), long("1,"), long("1 "), long("½"), long("1/"), long("1:"), long("1."), long("1e"), long("-1"))
_MARKS = (
    long("answer is "),
    long("\\boxed{"),
    long("#### "),
    long("– \\boxed{", "–"),
    long("<answer>"),
    long("</think>"),
)
_MATHS = (
    long("\\["),
    long("\\\\["),
    long("\\("),
    long("$"),
    long("$$ "),
    long("\\$", "$"),
    long("\\text {"),
    long("$1"),
)
_ANY = (*_SPACES, *_DIGITS, *_MARKS)

ANSWER = {
    "statements": ("number", "number of a German", "choice", "boolean", "text", "formula"),
    "segments": ("number", "choice", "boolean", "text", "formula"),
    "reply": ("number", "formula"),
    "notation": ("formula", "formula alone"),
    "numeral": ("number", "number of a German", "number alone"),
    "finding": ("number", "number alone", "gold elsewhere"),
    "number": ("number", "number alone"),
    "words": ("number",),
    "choice": ("choice", "choice alone"),
    "boolean": ("boolean",),
    "text": ("text", "text alone"),
    "expression": ("formula", "formula alone"),
}
"""The readers of the modules of `reasoning.answer`."""
ANSWER_TEXTS: Mapping[str, tuple[str, ...]] = {
    "statements": (
        *_ANY,
        long("answer", "{"),
        long('"answer":', "{"),
        long("result: "),
        long("right value "),
        long("is the answer "),
    ),
    "segments": (
        long(". "),
        long("... "),
        long("check "),
        long("if ", "", " would"),
        long("(a", "", ")"),
        long("# "),
        long("would you "),
        long("|"),
        long("Note "),
        long("** "),
    ),
    "reply": (
        long("<think>"),
        long("[/think]"),
        long("<|a"),
        long("~~"),
        long("~~a"),
        long("\\cancel{"),
        long("\nQ", "so"),
        long("wait "),
        long("let me "),
        long("<|channel|>"),
    ),
    "notation": (
        *_MATHS,
        long("\\boxed{a}"),
        long("\\text{a}", "$", "$"),
        long("\\frac{1", "$", "$"),
        long("sqrt(", "$", "$"),
        long("²", "$", "$"),
        long("1 ", "$", "$"),
        long("cm ", "$5", "$"),
        long("~", "$1", "$"),
    ),
    "numeral": (*_DIGITS, long("\\frac{"), long("１"), long("$1"), long("1\\,"), long("12 ")),
    "finding": (
        *_DIGITS,
        long("**"),
        long("**1"),
        long("1. "),
        long("1) x\n"),
        long("( ", "1"),
        long("x = ", "is "),
        long("a "),
    ),
    "number": (long(" ", "-", "1"), long(" - ")),
    "words": (
        long("two ", "answer is "),
        long("hundred and ", "answer is "),
        long("one-", "answer: "),
        long("十", "answer is "),
        long("half a "),
    ),
    "choice": (
        long("\n", "A) is"),
        long("(A) ", "A) "),
        long("red "),
        long("\n(", "A."),
        long("so  "),
        long("option "),
        long("it is "),
    ),
    "boolean": (long("not "), long("no"), long("yes-"), long(" ", "not ", "yes"), long("*"), long("\\text{")),
    "text": (long(". "), long("St. "), long("\\text{a}"), long(".'"), long("\n"), long(". \n", "answer is ")),
    "expression": (*_MATHS, long("=", "$", "$"), long("abc "), long("1,2", "$", "$")),
}

SERVER = {
    "error_body": ("page", "refusal", "limit"),
    "faults": ("refusal", "limit", "credentials"),
    "fields": ("finish",),
    "json_body": ("reply",),
    "meanings": ("refusal", "limit"),
    "refusals": ("refusal",),
    "waits": ("limit",),
    "window": ("too long",),
}
"""The readers of the modules of `reasoning.backends.openai` that meet a server's words."""
SERVER_TEXTS: Mapping[str, tuple[str, ...]] = {
    "error_body": (long(" "), long("<title"), long("<title>"), long("<html")),
    "faults": (long("sk-"), long("key-aaaaa "), long("Bearer "), long("max_"), long("a-"), long("prompt tokens ")),
    "fields": (long("max"), long("max_"), long("aB"), long(" "), long("stop")),
    "json_body": (long("\\\\ud83d"), long("\\\\"), long("\\ud83d\\ude00")),
    "meanings": (
        long("credit "),
        long("out of a "),
        long("balance "),
        long("per "),
        long("too many "),
        long("spend limit "),
    ),
    "refusals": (
        long("n "),
        long("maximum a "),
        long("[0, "),
        long("'n', "),
        long("parameter: 'a', "),
        long("1 "),
        long("aA"),
    ),
    "waits": (
        long("1"),
        long("1h"),
        long("1 h, "),
        long("in 1 "),
        long("try again in "),
        long(" ", "retry after"),
        long("1."),
    ),
    "window": (long("1"), long("1,000 "), long("1,000,"), long("max tokens "), long("max")),
}

_THOUGHTS = ("thoughts", "open thoughts", "prefill")
THOUGHT_TEXTS: Mapping[str, tuple[str, ...]] = {
    "thoughts": (
        long("<"),
        long("<think"),
        long(" ", "<think"),
        long("<think>"),
        long("<think>a"),
        long("</think>"),
        long("a</think>"),
        long("<think>a</think>b"),
        long("<think>a</think>", "a</think>"),
        long("_", "<"),
        long("<_"),
        long("<a:"),
        long("<|think"),
        long(" ", "<|channel>"),
        long("<answer>", "<think>"),
        long(" ", "<think>a</think>", "b"),
        long("</response> ", "<think>a</think>"),
    ),
    "channels": (
        long("<|channel|>"),
        long("<|channel|>analysis"),
        long("<|channel|>final<|end|>"),
        long("<|channel|>a<|constrain|>"),
        long("a", "<|channel|>"),
        long(" ", "<|channel|>"),
        long("<|"),
        long(" "),
        long("assistantcommentary", "analysisA"),
        long("analysis"),
        long("here is my ", "here is my thought process"),
    ),
}

OTHERS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "strategies.program_of_thought FENCED": (
        ("program",),
        (
            long(" ", "```"),
            long("a", "``` "),
            long("\t ", "```py"),
            long("```"),
            long("```\n"),
            long("\n", "```\n"),
            long("``"),
        ),
    ),
    "strategies.least_to_most NUMBERING": (
        ("questions",),
        (long("\n"), long("1", "", "?"), long(" ", "1.", "?"), long("?\n"), long("- ", "", "?")),
    ),
    "strategies.self_refine KEEP": (
        ("keep",),
        (long(" "), long(" ", "keep", "x"), long("*", "", "KEEPER"), long("keep ")),
    ),
    "strategies.confidence NUMBER": (("confidence",), (long("1"), long("1."), long(" "))),
    "strategies.judging SCORE": (
        ("grade",),
        (long("score "), long("1", "Score: "), long(" ", "score"), long("score: -1.")),
    ),
    "strategies.universal_self_consistency NAMED": (
        ("pick",),
        (long(" ", "response"), long("response "), long("9", "Response "), long("response\n*"), long("*", "response ")),
    ),
    "evals.gym _NOT_FINITE": (
        ("score",),
        (long("inf"), long("nan"), long("in"), long(" nani", "", "."), long("infinity")),
    ),
    "evals.missed _NUMBER": (
        ("gold anywhere", "gold elsewhere"),
        (long(",", "1"), long("1,,"), long("-$"), long("/1", "2")),
    ),
    "evals.missed _BOLD": (("gold elsewhere",), (long("*"), long("**a"), long("a", "**"), long("** "))),
    "evals.exporting _NUMBER": (("cell",), (long("1", "-"), long("-"), long("1", "-1/"), long("=1"))),
    "reasoning.shown _UNSAFE": (("terminal",), (long("\x1b]52;"), long("\r\n"), long("\u202e"), long("\x9b"))),
    "reasoning.backends.vllm.quiet _ERROR": (
        ("engine's error",),
        (long("a."), long("Error"), long("a"), long("aError: \n")),
    ),
}

ELSEWHERE = {
    "reasoning.backends.openai.form": "a backend's specification",
    "reasoning.backends.openai.thinkers": "a backend's specification",
    "evals.arithmetic _FUNCTIONS": "a list of this project",
    "evals.arithmetic _is_formula_node": "a name in a text of at most a thousand characters",
    "evals.cli.store seconds": "an option's value",
    "evals.comparisons.tagged _natural": "a tag",
    "evals.definition _compiled": "a task file's own pattern, see test_own_task.py",
    "evals.folder slug": "a name of a task, strategy or backend",
    "evals.pattern_search answer": "runs in the worker, which has a deadline",
    "evals.prompt_lint _TOKEN": "exemplars and tasks",
    "reasoning.secret_names _HARMLESS": "the name of an option",
    "reasoning.secret_names _SECRET": "the name of an option",
    "evals.reading _INTEGER": "a task's data",
    "reasoning.answer.canonical": "runs in the worker, which has a deadline",
    "reasoning.backends.hub _PART": "the name of a file",
    "reasoning.backends.hub _REPOSITORY": "a backend's specification",
    "reasoning.backends.hub choose": "the name of a file",
    "reasoning.backends.model_files _IN_EXPERT": "the name of a weight",
    "reasoning.backends.model_files _TOKENIZER": "the name of a file",
    "reasoning.backends.openai.proxies _direct": "this machine's environment",
    "reasoning.backends.transformers.source _HUB_NAME": "a backend's specification",
    "reasoning.backends.vllm.source _REPOSITORY": "a backend's specification",
    "reasoning.store.place _OCTAL": "the system's list of mounts",
    "strategies.named Named.name": "the name of a class",
}


def _calls(node: ast.AST, scope: tuple[str, ...]) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        inner = scope
        match child:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                inner = (*scope, name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if not scope:
                inner = (name,)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=called)) if called != "escape":
                yield ".".join(scope)
        yield from _calls(child, inner)


def patterns() -> Iterator[str]:
    """Every place where a regular expression is made or used at once, by module and name."""
    for package in ("reasoning", "strategies", "evals"):
        for file in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            yield from (f"{module} {name}" for name in _calls(ast.parse(file.read_text(encoding="utf-8")), ()))


GROUPS = {
    **{f"reasoning.answer.{name}": (readers, ANSWER_TEXTS[name]) for name, readers in ANSWER.items()},
    **{f"reasoning.{name}": (_THOUGHTS, texts) for name, texts in THOUGHT_TEXTS.items()},
    **{f"reasoning.backends.openai.{name}": (readers, SERVER_TEXTS[name]) for name, readers in SERVER.items()},
}


def test_every_pattern_is_listed() -> None:
    """By itself, or with its whole module."""
    found = set(patterns())
    modules = {pattern.partition(" ")[0] for pattern in found}
    listed = {*OTHERS, *ELSEWHERE, *GROUPS}
    assert {one for one in found if listed.isdisjoint((one, one.partition(" ")[0]))} == set()
    assert listed - found - modules == set(), "listed, and no more there"


CASES = [
    (name, reader, text)
    for name, (readers, texts) in {**GROUPS, **OTHERS}.items()
    for reader in readers
    for text in texts
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "text"),
    [pytest.param(reader, text, id=f"{name}-{reader}-{text[:14]!r}") for name, reader, text in CASES],
)
def test_a_million_characters_are_read_in_a_moment(reader: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_worker(*_: Any) -> None:
        """What a worker computes has a deadline of its own."""

    monkeypatch.setattr(Worker, "ask", no_worker)
    started = time.process_time()
    READERS[reader](text)
    assert time.process_time() - started < CPU_S
