"""What the worker of task patterns runs: a regular expression of a task file on a text.

Run by `reasoning.worker`, in a process of its own, because a few characters (`(a+)+$`) make a search that never ends.
"""

import re


def answer(request: dict[str, str]) -> str | None:
    """The last match's first group, or the whole of it where there is no group; None without a match."""
    found = list(re.finditer(request["pattern"], request["text"]))
    return (found[-1].group(found[-1].re.groups and 1) or "") if found else None
