"""Replies of a chat server that differ from OpenAI's in one respect each: good texts in odd company, and broken ones.

Each is a body to answer with (`FaultServer.configure(faults=[{"kind": "malformed", "body": …}])`) and what it comes to.
"""

from dataclasses import dataclass, field
from typing import Any

USAGE = {"prompt_tokens": 12, "completion_tokens": 6, "total_tokens": 18}
TEXT = "12 and 6 make 18."


def body(
    message: Any = TEXT, *, usage: Any = USAGE, top: dict[str, Any] | None = None, **choice: Any
) -> dict[str, Any]:
    """A chat's answer; a text or parts in place of the message become its content."""
    message = message if isinstance(message, dict) and "role" in message else {"role": "assistant", "content": message}
    choice = {"index": 0, "message": message, "finish_reason": "stop", **choice}
    return {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage, **(top or {})}


def said(**fields: Any) -> dict[str, Any]:
    """An assistant's message."""
    return {"role": "assistant", **fields}


@dataclass(frozen=True)
class Good:
    """A good text, and what stands beside it: `note` is a word of the only degradation, or None for none."""

    about: str
    body: dict[str, Any]
    text: str = TEXT
    reasoning: str | None = None
    finish: str = "stop"
    note: str | None = None


@dataclass(frozen=True)
class Bad:
    """No good text: a failure that another try may mend, with these words in its message."""

    about: str
    body: dict[str, Any]
    words: str
    kind: str = "malformed"
    billed: dict[str, int] = field(default_factory=lambda: {"prompt_tokens": 12, "completion_tokens": 6})


_SUMMARY = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "We add.", "signature": "x"}]}
_HALF = "12 and"

GOOD = (
    Good("content in one part", body({"type": "text", "text": TEXT})),
    Good("content in parts without kinds", body([{"text": "12 and 6 "}, "make 18."])),
    Good("a reasoning part with a summary", body([_SUMMARY, {"type": "text", "text": TEXT}]), reasoning="We add."),
    Good("a thinking part with a text", body([{"type": "thinking", "thinking": "We add."}, TEXT]), reasoning="We add."),
    Good("a part marked as thought", body([{"text": "We add.", "thought": True}, {"text": TEXT}]), reasoning="We add."),
    Good("a part that is no text", body([{"type": "text", "text": TEXT}, {"type": "image_url"}]), note="image_url"),
    Good("a source beside the text", body([{"type": "text", "text": TEXT}, {"type": "reference", "ids": [1]}])),
    Good("output text of the Responses API", body([{"type": "output_text", "text": TEXT, "annotations": []}])),
    Good("thoughts as `thinking`", body(said(content=TEXT, thinking="We add.")), reasoning="We add."),
    Good(
        "thoughts in details alone",
        body(said(content=TEXT, reasoning_details=[{"type": "reasoning.text", "text": "We add."}])),
        reasoning="We add.",
    ),
    Good("blank thoughts", body(said(content=TEXT, reasoning_content="\n"))),
    Good("plain text's shape in a chat", body(message=None, text=TEXT)),
    Good("a numbered choice as text", body(index="0")),
    Good("an error field that says there is none", body(error={"code": 0, "message": ""})),
    Good("usage below nothing", body(usage={**USAGE, "completion_tokens": -35, "total_tokens": None}), note="usage"),
    Good("usage as a list", body(usage=[USAGE]), note="usage"),
    Good("usage with odd details", body(usage={**USAGE, "prompt_tokens_details": [1]}), note="prompt_tokens_details"),
    Good("usage of texts", body(usage={name: str(count) for name, count in USAGE.items()})),
    Good("no usage", body(usage=None)),
    Good("log-probabilities nobody asked for, and flawed", body(logprobs=3)),
    *(
        Good(f"finished by {reason}", body(finish_reason=reason))
        for reason in ("eos", "EOS_TOKEN", "stop_sequence", "end_turn", "COMPLETE", "FINISH_REASON_STOP", "endTurn",
                       "normal", "word")
    ),
    Good("finished for an unknown reason", body(finish_reason="zugzwang"), note="'zugzwang' is not known"),
    Good("finished for no reason", body(finish_reason="FINISH_REASON_UNSPECIFIED"), note="is not known"),
    Good("finished without a reason", body(finish_reason=None), note="did not say why"),
    *(
        Good(f"cut by {reason}", body(_HALF, finish_reason=reason), _HALF, finish="length")
        for reason in ("model_length", "MAX_TOKENS", "maxTokens", "max_new_tokens", "model_context_window_exceeded",
                       "limit", "ERROR_LIMIT", "thinking_budget_exhausted", "repetition")
    ),
    Good("cut without a reason", body(_HALF, finish_reason=None, usage={**USAGE, "completion_tokens": 100}), _HALF,
         finish="length", note="did not say why"),
    Good("cut in its thoughts", body(said(content=None, reasoning="We"), finish_reason="length"), "", "We", "length"),
    *(
        Good(f"withheld by {reason}", body(said(), finish_reason=reason), "", finish="content_filter")
        for reason in ("content_filter: SAFETY", "sensitive", "PROHIBITED_CONTENT", "RECITATION", "ERROR_TOXIC")
    ),
    Good("refused by its reason", body("No.", finish_reason="refusal"), "No.", finish="refusal"),
    Good("refused in a part", body([{"type": "refusal", "refusal": "No."}]), "No.", finish="refusal"),
    Good(
        "a tool in place of an answer",
        body(said(content=None, tool_calls=[{"id": "1"}]), finish_reason="tool_calls"),
        "",
        note="called a tool",
    ),
    Good("thoughts and no answer", body(said(content=None, reasoning="We add.")), "", "We add.", note="no answer"),
)  # fmt: skip

BAD = (
    *(
        Bad(f"given up by {reason}", body(_HALF, finish_reason=reason), f"finish reason {reason!r}")
        for reason in ("error", "abort", "cancelled", "network_error", "insufficient_system_resource", "TIMEOUT",
                       "MALFORMED_RESPONSE", "server_overloaded", "not_finished", "rate_limit")
    ),
    Bad("null content", body(None), "holds no text"),
    Bad("no content", body(said()), "holds no text"),
    Bad("parts without a text", body([{"type": "image_url"}]), "holds no text"),
    Bad("content that is a number", body(18), "no text"),
    Bad(
        "an error within the choice",
        body(_HALF, finish_reason=None, error={"code": 502, "message": "the provider is gone"}),
        "the provider is gone",
        "server_error",
    ),
    Bad(
        "a limit within the choice",
        body(_HALF, finish_reason="stop", error={"code": "429", "message": "slow down"}),
        "slow down",
        "rate_limit",
    ),
    Bad("no choices", body(top={"choices": []}), "no choices", billed={}),
    Bad("null choices", body(top={"choices": None}), "no choices", billed={}),
    Bad("a choice that is no object", body(top={"choices": [TEXT]}), "no object"),
)  # fmt: skip
