"""Reasoning text that a model writes into its answer: `<think>…</think>` and its kin.

Models mark their thoughts in a few styles, with a few words: `<thinking>`, `[THINK]`, `◁think▷`, `<seed:think>`,
`<|begin_of_thought|>`, `<|START_THINKING|>`; gpt-oss writes channels instead. All are known here, in any case, whether
opened and closed, only opened (the text was cut in its thoughts) or only closed (the prompt opened them).
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator

from reasoning.channels import CHANNEL, Thoughts, joined, of_channels
from reasoning.errors import ConfigError

EFFORT_LEFT_OUT = "This backend passes no reasoning effort on: it was left out; template_args may say it in a chat."
_SAY_EFFORT = frozenset({"reasoning_effort", "enable_thinking"})

_WORD = r"(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad)"
_OPENING = (
    r"<(?:"
    rf"(?:\w*[:|_]|ant)?{_WORD}(?:\s[^<>]*)?>"  # <think>, <seed:think>, <longcat_think>
    rf"|[|｜](?:(?:begin|start)[_▁](?:of[_▁])?)?{_WORD}(?:[_▁](?:begin|start))?[|｜]>"
    rf"|\|channel>\s*{_WORD}|unused94>\s*{_WORD}"  # Gemma's
    rf")|\[think\]|◁{_WORD}▷"  # and not [reasoning], which heads a part of an answer
)
_CLOSING = (
    r"<(?:"
    rf"/(?:(?:\w*[:|_]|ant)?{_WORD}\s*>|[|｜]{_WORD}[|｜]>)"
    rf"|[|｜](?:/|(?:end|stop)[_▁](?:of[_▁])?){_WORD}[|｜]>|[|｜]{_WORD}[_▁](?:end|stop)[|｜]>"
    r"|channel\|>|unused95>"
    rf")|\[/think\]|◁/{_WORD}▷"
)
_THE_ANSWER = re.compile(
    r"<(?:final_?)?(?:answer|response|solution|output)>|<[|｜](?:begin|start)[_▁](?:of[_▁])?(?:solution|response)[|｜]>",
    re.IGNORECASE,
)
_WRAPPED = r"<[|｜]{}[_▁](?:of[_▁])?(?:solution|response|answer)[|｜]>"
_BEFORE_THE_ANSWER = re.compile(rf"(?:{_WRAPPED.format('(?:begin|start)')}|<response>)\s*", re.IGNORECASE)
_BEHIND_THE_ANSWER = re.compile(rf"(?:{_WRAPPED.format('(?:end|stop)')}|</response>)\Z", re.IGNORECASE)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


ThinkTags = Annotated[bool | tuple[str, ...], BeforeValidator(_listed)]
"""An option: whether thoughts are split off a chat's answer, or the tags of thoughts beside the known ones."""


class Tags:
    """The tags by which thoughts are known.

    Args:
        further: Tags beside the usual ones: a name (`plan` for `<plan>…</plan>`), or an opening and a closing one with
            an ellipsis between them (`<|plan|>…<|/plan|>`).

    Raises:
        ConfigError: One is neither.
    """

    def __init__(self, further: tuple[str, ...] = ()) -> None:
        pairs = [_pair(one) for one in further]
        opening = "|".join([_OPENING, *(re.escape(pair[0]) for pair in pairs)])
        closing = "|".join([_CLOSING, *(re.escape(pair[1]) for pair in pairs)])
        begins = "".join({"<", r"\[", "◁", *(re.escape(tag[0]) for pair in pairs for tag in pair)})
        self._tag = re.compile(f"(?=[{begins}])(?:(?P<opening>{opening})|(?P<closing>{closing}))", re.IGNORECASE)
        self._opened = re.compile(f"(?:{opening})\\s*\\Z", re.IGNORECASE)
        self._closed = re.compile(f"(?:{closing})\\s*\\Z", re.IGNORECASE)

    @classmethod
    def of(cls, option: bool | tuple[str, ...]) -> "Tags | None":
        """The tags that an option says; None where thoughts are to be left in the text.

        Raises:
            ConfigError: The option names what is no tag.
        """
        return _tags(() if option is True else option) if option is not False else None

    def opened_by(self, prompt: str | None, prefill: str | None = None) -> bool:
        """True where a text goes on in thoughts: the prompt ends with an opening tag, or its prefill left one open."""
        tags = list(self._tag.finditer(prefill or ""))
        if tags:
            return bool(tags[-1]["opening"])
        return prompt is not None and self._opened.search(prompt[-200:]) is not None

    def closed_by(self, prompt: str) -> bool:
        """True where a prompt ends with a closing tag, so that no thoughts follow."""
        return self._closed.search(prompt[-200:]) is not None

    def stand_in(self, text: str) -> bool:
        """True where a text, as a chat template or a token, holds a tag."""
        return self._tag.search(text) is not None or CHANNEL.search(text) is not None

    def split(self, text: str, *, opened: bool = False) -> Thoughts:
        """Splits the thoughts off a text.

        What precedes a closing tag is thought, from the opening tag or the start on. What is never closed is
        thought where it begins the text, up to an answer's own tag; further on it is a mention.

        Args:
            text: What the model wrote.
            opened: The prompt is known to end with the opening tag.
        """
        return of_channels(text) or self._of_tags(text, opened)

    def _of_tags(self, text: str, opened: bool) -> Thoughts:
        tags = list(self._tag.finditer(text))
        words_end = _end_of_words(text, tags)
        spans: list[tuple[int, int]] = []
        thoughts: list[str] = []
        block = (0, 0) if opened else None  # where open thoughts begin, with their tag and without it
        done = at = 0  # what is sorted ends, and the last tag
        said = False  # whether open thoughts hold words
        for tag in tags:
            said = said or (block is not None and _holds_words(text, at, tag.start()))
            at = tag.end()
            if tag["opening"]:
                if block is None or not said:  # further on it is a mention
                    block = (tag.start() if block is None else block[0]), tag.end()
                continue
            if block is None and spans and tag.start() >= words_end:
                spans.append(tag.span())  # it closes nothing, behind the answer
            else:
                start, inside = block or (done, done)
                thoughts.append(text[inside : tag.start()])
                spans.append((start, tag.end()))
            done, block, said = tag.end(), None, False
        if block is not None and not _without(text[: block[0]], spans).strip():
            answer_at = _THE_ANSWER.search(text, block[1])
            end = answer_at.start() if answer_at else len(text)
            thoughts.append(text[block[1] : end])
            spans.append((block[0], end))
        if not spans:
            return Thoughts(None, text)
        return Thoughts(joined(thoughts), _unwrapped(_without(text, spans).lstrip()), tuple(spans))


@lru_cache(maxsize=64)
def _tags(further: tuple[str, ...]) -> Tags:
    return Tags(further)


def effort_left_out(effort: str | None, template_args: Mapping[str, Any]) -> tuple[str, ...]:
    """What goes on the record where a reasoning effort was asked for, and the template's arguments say none."""
    return () if effort is None or _SAY_EFFORT & template_args.keys() else (EFFORT_LEFT_OUT,)


def budget_left_out(thinking_tokens: int | None) -> tuple[str, ...]:
    """What goes on the record where a budget of thought was asked for of an engine that takes none."""
    if thinking_tokens is None:
        return ()
    return (
        f"thinking_tokens={thinking_tokens} was left out, for this engine takes no budget of thought; the strategy "
        "budget-forcing keeps to one.",
    )


def _pair(tag: str) -> tuple[str, str]:
    """A tag that a person named, as its opening and closing form."""
    pair = [part.strip() for part in re.split(r"…|\.\.\.", tag, maxsplit=1)]
    if len(pair) == 2 and all(pair):
        return pair[0], pair[1]
    if not re.fullmatch(r"\w[\w:.-]*", tag):
        raise ConfigError(
            f"A tag of thoughts is a name, such as plan for <plan>…</plan>, or an opening and a closing tag with … "
            f"between them; not {tag!r}."
        )
    return f"<{tag}>", f"</{tag}>"


def _end_of_words(text: str, tags: Sequence[re.Match[str]]) -> int:
    """Where a text ends but for white space and closing tags."""
    end = len(text.rstrip())
    for tag in reversed(tags):
        if tag["opening"] or _holds_words(text, tag.end(), end):
            break
        end = tag.start()
    return end


def _holds_words(text: str, start: int, end: int) -> bool:
    return any(not text[place].isspace() for place in range(start, end))


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    return "".join(text[end:start] for end, start in zip(ends, starts, strict=True))


def _unwrapped(answer: str) -> str:
    """An answer without tags that wrap it; `<answer>` stays, for it says where the answer is."""
    if before := _BEFORE_THE_ANSWER.match(answer):
        answer = answer[before.end() :]
    if behind := _BEHIND_THE_ANSWER.search(answer.rstrip()):
        answer = answer[: behind.start()].rstrip()
    return answer
