"""Votes weighted by the model's own word on how sure it is of each path (CISC, Taubenfeld et al. 2025)."""

import math
import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from reasoning.backends.backend import Backend
from reasoning.completion import Completion
from reasoning.message import assistant, user
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.path import Path
from strategies.room import limited
from strategies.scope import Scope, draw
from strategies.voting import Vote
from strategies.weighting import signal_or_equal

VERBAL = "How confident are you that this answer is correct? Reply with a whole number from 0 to 100 and nothing else."
P_TRUE = "Is this answer correct? Reply with 1 for correct or 0 for incorrect and nothing else."
WORD_TOKENS = 8
NUMBER = re.compile(r"\d+(?:\.\d+)?")


class Confidence(Vote):
    """Asks, after each path, how sure the model is, and weighs the path by softmax(confidence / temperature).

    One short greedy call a path. As the temperature grows the weights become equal: a majority vote. The published gain
    needs a temperature tuned on held-out data.

    Attributes:
        method: "verbal": a number from 0 to 100; "p_true": the probability of the token that says "correct".
        temperature: Of the softmax, on confidences from 0 to 1.
    """

    method: Literal["verbal", "p_true"] = "p_true"
    temperature: float = Field(default=0.5, gt=0)

    async def observe(self, problem: Problem, path: Path, scope: Scope) -> Path:
        """The path with its confidence, where the model gave one."""
        asked = _question(path.completions[-1], VERBAL if self.method == "verbal" else P_TRUE, self.method, scope)
        said = await draw(scope, asked, path.index)
        sure = None if said.failure else _verbal(said.text) if self.method == "verbal" else _p_true(said)
        if sure is None:
            scope.degrade(f"a path without a {self.method} confidence: every path weighs the same")
        signals = path.signals if sure is None else {**path.signals, "confidence": sure}
        return path.model_copy(update={"signals": signals, "asides": (*path.asides, said)})

    def weights(self, paths: Sequence[Path]) -> Sequence[float]:
        """Softmax over the paths that vote; equal weights where one of them has no confidence."""
        voters = [path for path in paths if path.key is not None]
        if not voters or any("confidence" not in path.signals for path in voters):
            return signal_or_equal(paths, "confidence")
        top = max(path.signals["confidence"] for path in voters)
        raw = [
            math.exp((path.signals["confidence"] - top) / self.temperature) if path.key is not None else 0.0
            for path in paths
        ]
        total = sum(raw)
        return [weight / total for weight in raw]


def _question(last: Completion, question: str, method: str, backend: Backend) -> Request:
    """The path's last exchange, continued by the question."""
    asked = last.request
    if asked is None:
        raise ValueError("a completion without its request cannot be continued")
    sampling = Sampling(temperature=0.0, logprobs=5 if method == "p_true" else None)
    sampling = limited(sampling, backend, WORD_TOKENS, chat=asked.prompt is None)
    if asked.prompt is not None:
        lead = f"{asked.prompt}{last.text}\n\nQ: {question}\nA:"
        return Request(prompt=lead, sampling=sampling.model_copy(update={"stop": ("\n",)}))
    return Request(messages=(*asked.messages, assistant(last.text), user(question)), sampling=sampling)


def _verbal(text: str) -> float | None:
    found = NUMBER.search(text)
    return None if found is None or float(found[0]) > 100 else float(found[0]) / 100


def _p_true(said: Completion) -> float | None:
    """P("1") / (P("1") + P("0")) at the first token that is either; the text's own word without log-probabilities."""
    if said.logprobs is not None:
        for place, token in enumerate(said.logprobs.tokens):
            if token.strip() in {"0", "1"}:
                top = said.logprobs.top[place] if said.logprobs.top else ()
                if token not in (listed for listed, _ in top):  # a server may leave out what it chose
                    top = (*top, (token, said.logprobs.values[place]))
                mass = {bit: sum(math.exp(p) for t, p in top if t.strip() == bit) for bit in ("0", "1")}
                if any(mass.values()):
                    return mass["1"] / (mass["0"] + mass["1"])
    word = said.text.strip()[:1]
    return float(word) if word in {"0", "1"} else None
