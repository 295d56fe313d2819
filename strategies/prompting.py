"""The fields and the forms that prompted path strategies share: plain text, or chat.

As plain text a question is `Q: …`, and what stands behind it tells the model how to go on; the exemplars come before it
in the same form, and the text ends where the model starts the next `Q:`. As a chat each exemplar is a turn of the user
and one of the assistant. Base models and small ones do far better with plain text; `style="auto"` takes what the
backend says suits its model.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator

from reasoning.backends.backend import Backend
from reasoning.errors import ConfigError
from reasoning.message import Message, assistant, system, user
from reasoning.problem import Problem
from reasoning.request import Request
from reasoning.sampling import Sampling
from strategies.exemplars import Exemplar, exemplar_set
from strategies.room import limited
from strategies.scope import Scope
from strategies.strategy import PathStrategy

NEXT_QUESTION = "\nQ:"


class PromptedStrategy(PathStrategy):
    """A path strategy that asks with a prompt.

    Attributes:
        sampling: How to draw; unset, a single path is greedy, and under a vote the temperature is 0.7.
        style: "text", "chat", or "auto" for what suits the backend's model.
        shots: An exemplar set by name, or a path to one's own; None asks without exemplars.
        most_shots: Only the first so many of the set.
        system: The system message of a chat; None takes the strategy's own, "" sends none.
        template: How the question is put, with `{question}` in it.
    """

    sampling: Sampling = Sampling()
    style: Literal["auto", "chat", "text"] = "auto"
    shots: str | None = None
    most_shots: int | None = Field(default=None, ge=1)
    system: str | None = None
    template: str = "{question}"

    default_max_tokens: ClassVar[int] = 512
    default_system: ClassVar[str] = ""

    @field_validator("template")
    @classmethod
    def _has_question(cls, template: str) -> str:
        if "{question}" not in template:
            raise ValueError("a template holds {question} where the question goes")
        return template

    @field_validator("shots")
    @classmethod
    def _none_by_name(cls, shots: str | None) -> str | None:
        if shots in (None, "", "none"):
            return None
        exemplar_set(shots)
        return shots

    def sampled(self, temperature: float) -> Self:
        """This strategy with that temperature where it has none."""
        if self.sampling.temperature is not None:
            return self
        sampling = self.sampling.model_copy(update={"temperature": temperature})
        return self.model_copy(update={"sampling": sampling})

    def with_logprobs(self, alternatives: int) -> Self:
        """This strategy with at least so many alternatives asked for at each token."""
        most = max(alternatives, self.sampling.logprobs or 0)
        return self.model_copy(update={"sampling": self.sampling.model_copy(update={"logprobs": most})})

    def with_shots(self, shots: str, backend: Backend | None = None) -> Self:
        """This strategy with that exemplar set where `shots` was not chosen."""
        return self if "shots" in self.model_fields_set else self.model_copy(update={"shots": shots})

    def exemplar_answer(self, exemplar: Exemplar) -> str:
        """How this strategy would have answered an exemplar's question: the reasoning, and the answer's sentence."""
        return f" {exemplar.reasoning} The answer is {exemplar.answer}."

    @property
    def instruction(self) -> str:
        """The system message of a chat; "" for none."""
        return self.default_system if self.system is None else self.system

    def instruction_for(self, backend: Backend) -> str:
        """The system message of a chat with that backend."""
        return self.instruction

    @property
    def lead(self) -> str:
        """What stands behind a question in plain text, for the model to go on from."""
        return "\nA:"

    def form(self, backend: Backend) -> Literal["chat", "text"]:
        """The form that requests take.

        Raises:
            ConfigError: The backend takes no requests of the style that was asked for.
        """
        able = backend.capabilities
        if self.style == "auto":
            return able.style
        if not getattr(able, self.style):
            raise ConfigError(f"{backend.spec} takes no {self.style} requests; leave style at auto.")
        return self.style

    def exemplars(self) -> Sequence[Exemplar]:
        """The exemplars that come before the question."""
        return exemplar_set(self.shots).exemplars[: self.most_shots] if self.shots else ()

    def ask(self, problem: Problem, backend: Backend, *, lead: str | None = None, hint: str = "") -> Request:
        """The request that puts a problem.

        Args:
            problem: What is asked.
            backend: Whom.
            lead: What stands behind the question in plain text; by default `self.lead`.
            hint: What is added to the question in a chat.
        """
        asked = backend.asked if isinstance(backend, Scope) else {}
        key = (id(self), problem.question, lead, hint)
        if key not in asked:
            asked[key] = self, self._ask(problem, backend, self.lead if lead is None else lead, hint)
        return asked[key][1]

    def _ask(self, problem: Problem, backend: Backend, lead: str, hint: str) -> Request:
        question = self.template.replace("{question}", problem.question)
        if self.form(backend) == "text":
            solved = [f"Q: {e.question}{self.lead}{self.exemplar_answer(e)}\n\n" for e in self.exemplars()]
            return self.request(backend, prompt="".join(solved) + f"Q: {question}{lead}")
        instruction = self.instruction_for(backend)
        messages = [system(instruction)] if instruction else []
        for exemplar in self.exemplars():
            messages += _turns(exemplar.question, self.exemplar_answer(exemplar).strip())
        return self.request(backend, messages=(*messages, user(question + hint)))

    def request(self, backend: Backend, *, messages: tuple[Message, ...] = (), prompt: str | None = None) -> Request:
        """A request with this strategy's sampling, settled."""
        sampling = limited(self.sampling, backend, self.default_max_tokens, chat=prompt is None)
        if sampling.temperature is None:
            sampling = sampling.model_copy(update={"temperature": 0.0})
        if prompt is not None and NEXT_QUESTION not in sampling.stop:
            sampling = sampling.model_copy(update={"stop": (*sampling.stop, NEXT_QUESTION)})
        return Request(messages=messages, prompt=prompt, sampling=sampling)


@lru_cache(maxsize=256)
def _turns(question: str, answer: str) -> tuple[Message, Message]:
    """An exemplar as turns of a chat, made once for all problems."""
    return user(question), assistant(answer)
