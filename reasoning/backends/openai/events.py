"""An answer that a server streamed though no stream was asked for, put together again."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from reasoning.backends.openai.fields import number
from reasoning.backends.openai.json_body import parsed

STARTS = ("data:", "event:")
"""How such a body begins."""
_SAID_ONCE = ("role", "finish_reason")


def assembled(body: bytes) -> dict[str, Any] | None:
    """The answer in a body of server-sent events; None where it holds none.

    Raises:
        ValueError: An event is no JSON.
    """
    lines = body.decode("utf-8", "replace").splitlines()
    data = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
    events = [event for one in data if one and one != "[DONE]" and isinstance(event := parsed(one.encode()), dict)]
    if not events:
        return None
    last = events[-1]
    if last.get("error") or isinstance(last.get("response"), dict):  # the Responses API ends with the whole answer
        return last if last.get("error") else last["response"]
    parts: dict[int, list[Mapping[str, Any]]] = {}
    answer: dict[str, Any] = {}
    for event in events:
        answer |= {name: value for name, value in event.items() if value is not None}
        found = event.get("choices")
        for part in found if isinstance(found, list) else []:
            if isinstance(part, Mapping):
                parts.setdefault(number(part.get("index")) or 0, []).append(part)
    return {**answer, "choices": [_whole(parts[index]) | {"index": index} for index in sorted(parts)]}


def _whole(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Parts of one object: texts, lists and objects are joined, anything else is as it was said last."""
    whole: dict[str, Any] = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        values = [part[name] for part in parts if part.get(name) is not None]
        if not values:
            continue
        whole[name] = values[-1]
        if all(isinstance(value, Mapping) for value in values):
            whole[name] = _whole(values)
        elif all(isinstance(value, list) for value in values):
            whole[name] = list(chain.from_iterable(values))
        elif all(isinstance(value, str) for value in values) and name not in _SAID_ONCE:
            whole[name] = "".join(values)
    return whole
