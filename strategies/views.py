"""A result at a glance: how the answer came about, as plain text for consoles and as HTML for notebooks."""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strategies.path import Path
    from strategies.result import Result

SHORT = 300
"""Characters of a path's text that are shown before it is cut."""
BAR = 20


def headline(result: "Result") -> str:
    """The answer and its votes, or why there is none, in one line."""
    if result.answer is None:
        causes = ", ".join(sorted({path.reason or path.status for path in result.paths})) or result.error or "no path"
        return f"no answer ({causes})"
    votes = result.tally.of_key(result.key).votes if result.key else 0
    return f"{result.answer}" + (f" ({votes} of {len(result.paths)} paths)" if len(result.paths) > 1 else "")


def account(result: "Result") -> str:
    """Why it stopped and what it took, in one line."""
    usage = result.usage
    parts = [result.stopped, f"{usage.prompt_tokens:,} + {usage.completion_tokens:,} tokens", f"{result.seconds:.1f} s"]
    if result.cost is not None:
        parts.append(f"${result.cost:.4g}")
    return " · ".join(part for part in parts if part)


def lines(result: "Result") -> Iterator[str]:
    """The result as lines of plain text: answer, tally, paths, what was not as asked."""
    yield headline(result)
    yield account(result)
    heaviest = max((found.weight for found in result.tally.classes), default=0.0) or 1.0
    for found in result.tally.classes:
        tied = " (tied)" if found.key in result.tally.tied else ""
        yield f"  {'█' * max(1, round(BAR * found.weight / heaviest)):<{BAR}} {found.answer}  {found.votes}{tied}"
    if result.tally.abstained and len(result.paths) > 1:
        yield f"  {result.tally.abstained} without an answer"
    for path in result.paths:
        yield f"path {path.index}: {ending(path)}"
        yield from (f"  │ {line}" for line in shortened(path.program or path.text).splitlines())
    for note in result.degradations:
        yield f"note: {note}"


def ending(path: "Path") -> str:
    """What a path came to."""
    if path.status != "ok":
        return f"{path.status} ({path.reason})"
    return f"{path.answer} ({path.evidence})" if path.evidence else str(path.answer)


def shortened(text: str) -> str:
    """A text's beginning and end, where it is long: answers stand at the end."""
    text = text.strip()
    return text if len(text) <= SHORT else f"{text[: SHORT // 2].rstrip()} … {text[-SHORT // 2 :].lstrip()}"


def html(result: "Result") -> str:
    """The result as HTML for a notebook; all that a model or a data set wrote is escaped."""
    heaviest = max((found.weight for found in result.tally.classes), default=0.0) or 1.0
    bars = "".join(
        f"<tr><td>{escape(str(found.answer))}</td><td>{found.votes}</td><td style='width:12em'><div style='background:"
        f"#4a7dbd;height:.8em;width:{100 * found.weight / heaviest:.0f}%'></div></td></tr>"
        for found in result.tally.classes
    )
    paths = "".join(
        f"<details><summary>path {path.index}: {escape(ending(path))}</summary>"
        f"<pre style='white-space:pre-wrap'>{_with_span(path)}</pre></details>"
        for path in result.paths
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in result.degradations)
    return (
        f"<div><p>{escape(result.problem.question)}</p><p><b>{escape(headline(result))}</b><br>"
        f"<small>{escape(account(result))}</small></p><table>{bars}</table>{paths}<ul>{notes}</ul></div>"
    )


def _with_span(path: "Path") -> str:
    """A path's program, or its text with the place marked where the answer was read."""
    if path.program is not None:
        return escape(path.program)
    if path.span is None:
        return escape(path.text)
    start, end = path.span
    return f"{escape(path.text[:start])}<mark>{escape(path.text[start:end])}</mark>{escape(path.text[end:])}"
