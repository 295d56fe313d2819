"""A path as one text, for whoever judges it: its reasoning through all stages, and not only the last reply."""

from reasoning.completion import Completion
from reasoning.problem import Problem
from reasoning.request import Request
from strategies.path import Path

MOST_THOUGHTS = 8000
"""Characters of a thinking model's own thoughts that are shown, the last ones: they lead to the answer."""


def transcript(problem: Problem, path: Path, *, thoughts: bool = False) -> str:
    """The line of reasoning that led to a path's answer.

    Of a program it is the program that ran. Of several calls it is all that the last one went on from, behind the
    question: earlier replies, and what was asked in between.

    Args:
        problem: What was asked.
        path: The path.
        thoughts: Whether what a thinking model thought apart from its text comes first.
    """
    if not path.completions:
        return ""
    if path.program is not None and len(path.completions) > 1:
        return path.program
    last = path.completions[-1]
    before = "" if last.request is None else _before(problem, path.completions, last.request)
    parts = [_thoughts(path.completions) if thoughts else "", f"{before}{last.text}".strip()]
    return "\n\n".join(part for part in parts if part)


def _before(problem: Problem, completions: tuple[Completion, ...], asked: Request) -> str:
    """What stands between the question and the last reply."""
    first = completions[0].request
    if len(completions) == 1 or first is None:
        return ""
    if asked.prompt is not None:
        if first.prompt is not None and asked.prompt.startswith(first.prompt):
            return asked.prompt[len(first.prompt) :]
        return asked.prompt.rpartition(problem.question)[2]
    told = [message.content for message in asked.messages]
    if asked.messages[: len(first.messages)] == first.messages:
        told = told[len(first.messages) :]
    else:  # the reasoning so far stands with the question
        place = max((at for at, text in enumerate(told) if problem.question in text), default=len(told))
        told = [text.rpartition(problem.question)[2] for text in told[place : place + 1]] + told[place + 1 :]
    between = "\n\n".join(text.strip() for text in told if text.strip())
    return f"{between}\n\n" if between and asked.prefill is None else between


def _thoughts(completions: tuple[Completion, ...]) -> str:
    whole = "\n\n".join(completion.reasoning for completion in completions if completion.reasoning)
    return whole if len(whole) <= MOST_THOUGHTS else f"… {whole[-MOST_THOUGHTS:]}"
