"""Sums that are answered by rule, and problems whose questions and answers are hostile to a page."""

import re

from evals.item import Item
from evals.task import Task
from reasoning.completion import Completion, Failure
from reasoning.request import Request

HOSTILE = {
    "closes": "</script></style></pre><script>document.title='taken'</script><img src=x onerror=alert(1)>",
    "long": "x" * 1_000_000,
    "turned": "safe \u202e}eslaf nruter\u202c \u2066isolated\u2069 \u200fאבג",
    "broken": "half \ud83d of a pair, and \udc00 another",
    "nul": "before\x00after \x1b[31mred\x07",
    "template": "{{ 7 * 7 }} ${alert(1)} <!-- --> ]]> &lt;b&gt; &amp;",
}
"""What a model, or a data set, may write."""

SUMS = 30


def sums() -> Task:
    """What is i + 2? and problems whose questions, ids, groups and metadata are hostile."""
    items = [
        Item.of(f"sum-{i}", f"What is {i} + 2?", str(i + 2), metadata={"level": i % 3, "note": f"n{i}"})
        for i in range(SUMS)
    ]
    items += [
        Item.of(
            f"hostile <b>{name}</b>", f"{name}? {text[:2000]}", "7", metadata={"level": "</script>", "note": text[:50]}
        )
        for name, text in HOSTILE.items()
        if name != "broken"
    ]
    items.append(Item.of("broken", "broken?", "7"))
    return Task.of("sums </title><script>1</script>", items)


def asked(request: Request) -> str:
    """All that was asked, but not what was answered before."""
    turns = (turn.content for turn in request.messages if turn.role != "assistant")
    return request.prompt or " ".join(turns)


def number(request: Request) -> int | None:
    """The number that is asked about; None for a hostile problem."""
    found = re.findall(r"What is (\d+) \+ 2\?", asked(request))
    return int(found[-1]) if found else None


def says(request: Request, index: int) -> str | Completion:
    """Right on even numbers; on every fifth no answer, on every seventh a failure; votes disagree on every third."""
    before = [turn.content for turn in request.messages if turn.role == "assistant"]
    if before:  # asked to put its last text in a number
        return f"So it is {before[-1].rpartition(' ')[2]}"
    given = number(request)
    if given is None:
        text = asked(request)
        name = next((name for name in HOSTILE if f"{name}?" in text), "broken")
        return f"{HOSTILE[name]} The answer is {7 + index % 2}."
    if given % 7 == 6:
        return Completion(
            index=index, finish="failed", failure=Failure(kind="timeout", message="late", retryable=False)
        )
    if given % 5 == 4:
        return "I cannot tell <at all>."
    return f"Adding two gives 🎈. The answer is {given + 2 + (given % 2) + (given % 3 == 2 and index % 2)}."


def says_otherwise(request: Request, index: int) -> str | Completion:
    """As `says`, but right on odd numbers."""
    given = number(request)
    return says(request, index) if given is None else f"The answer is {given + 2 + (given % 2 == 0)}."
