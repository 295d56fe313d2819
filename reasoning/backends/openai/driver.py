"""The backend `openai/<model>`: OpenAI, and every server that speaks its protocol."""

import asyncio
import os
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

from reasoning.backends.backend import Capabilities
from reasoning.backends.explaining import Explained
from reasoning.backends.facts import ModelFacts
from reasoning.backends.landing import landed, requesting
from reasoning.backends.openai import asking, faults, shapes
from reasoning.backends.openai.answer import Answer, MalformedError
from reasoning.backends.openai.budgets import Budgets, budgets_at
from reasoning.backends.openai.card import Card, card_of
from reasoning.backends.openai.contact import Contact
from reasoning.backends.openai.drawing import Drawing, of_broken, once_more, shows_thoughts, without_answer
from reasoning.backends.openai.faults import Scrubber, Trouble
from reasoning.backends.openai.form import (
    DROPPABLE,
    LIMITS,
    Form,
    Manners,
    is_reasoning_model,
    needs_completions,
    needs_responses,
)
from reasoning.backends.openai.identity import identity_of
from reasoning.backends.openai.options import Endpoint, OpenAIOptions
from reasoning.backends.openai.thinkers import thinks_as_told, thinks_by_name, thinks_unless_told
from reasoning.backends.openai.window import Window
from reasoning.completion import Completion
from reasoning.draws import consecutive_runs, draw_key, draw_seed, identity_text
from reasoning.errors import SpendLimitError
from reasoning.request import Request
from reasoning.thoughts import Tags

if TYPE_CHECKING:
    from reasoning.backends.openai.client import Client

OPENAI_SAMPLES, OTHER_SAMPLES = 128, 16
OPENAI_STOPS = 4
LONG = 2048
"""A limit of so many tokens or more may not fit a server's window: it is asked for it first."""
_OF_A_LIMIT = ("bad_request", "context_overflow")
"""What a refusal of a limit that is too high comes as."""
ONE_BY_ONE = "The server gives one sample a request: samples were bought one by one."


Cut = Mapping[int, Completion]
"""Draws that thoughts used up, by index: the first tries of those that are drawn once more."""


class OpenAI:
    """Draws from a model behind an OpenAI-compatible server.

    Draw `index` is sent with the seed `reasoning.draws.draw_seed` gives; consecutive ones share a request with the
    first one's seed, from which servers derive seed + i. OpenAI itself promises nothing about seeds.

    What a server refuses (several samples, seeds, a sampling setting) is asked for no more from then on, and every
    completion says what was left out.

    Attributes:
        spec: `"openai/<model>"`.
        identity: Endpoint without credentials, model, and the options that change what it says.
        account: Tells keys apart without showing them: those who share one share its rate limits.
    """

    Options = OpenAIOptions

    def __init__(self, model: str, options: OpenAIOptions, endpoint: Endpoint) -> None:
        self.spec = f"openai/{model}"
        self.model = model
        self.options = options
        self.account = endpoint.account
        self.identity: Mapping[str, Any] = identity_of(model, options, endpoint)
        self._identity_text = identity_text(self.identity)
        self._endpoint = endpoint
        self._scrub = Scrubber(endpoint.secrets)
        self._tags = Tags.of(options.think_tags)
        self._contact = Contact()
        self._refused: frozenset[str] = frozenset()
        self._bounds: Mapping[str, float] = {}
        self._window = Window(options.context_tokens)
        self._card: Card | None = None
        self.thinks_as_opened = _thinks(model, options, endpoint)
        self._thinks_unless_told = self.thinks_as_opened is None and thinks_unless_told(model)
        self._showed_thoughts = False
        self._wanted = 1 if options.n == "single" else options.max_samples or _usual_samples(endpoint)
        self._most = self._wanted  # less once the server has refused it
        self._client: tuple[int, asyncio.AbstractEventLoop, Client] | None = None
        self._chat, self._text = shapes.Chat(options.prefill), shapes.Text()
        self._responses = shapes.Responses(options.reasoning_summary)

    @classmethod
    def open(cls, model: str, options: OpenAIOptions) -> Self:
        """Opens `openai/<model>`; connects when the first draw is asked for.

        Raises:
            ConfigError: The URL, the key or a header cannot be one.
            MissingKeyError: OpenAI itself is meant, and there is no key.
        """
        return cls(model, options, Endpoint.of(options))

    @property
    def capabilities(self) -> Capabilities:
        """See `Backend.capabilities`; follows what the server has refused."""
        api, known = self._api, self._manners
        chat = api != "completions"
        style = self.options.style if self.options.style != "auto" else "chat" if chat else "text"
        most_logprobs = 5 if api == "completions" and known.openai else 20
        return Capabilities(
            chat=chat,
            text=self._takes_text,
            style=style,
            max_samples=self._most_samples,
            seed=api != "responses" and "seed" not in known.refused,
            logprobs=None if known.reasoning or "logprobs" in known.refused else most_logprobs,
            prefill=chat and api != "responses" and self.options.prefill != "no",
            reasoning=chat and (not self._endpoint.official or self.options.reasoning_summary is not None),
            reproducible="no",
            thinks=self._thinks,
            concurrency=64,
            context_tokens=self._window.context_tokens,
        )

    @property
    def facts(self) -> ModelFacts:
        """See `HasFacts.facts`: a server tells nothing of its model, and who sells one keeps its weights."""
        weights: Literal["closed", "unknown"] = "closed" if self._endpoint.openai_models else "unknown"
        return ModelFacts(weights=weights, context_tokens=self._window.context_tokens)

    async def explain(self, request: Request) -> Explained:
        """See `Explains.explain`; servers of llama.cpp and vLLM tell the prompt, others do not."""
        shape, form = self._shape(request), self._form(request)
        shape.fill(form, request, 1, None)
        told = asking.as_sent(form, request, self.options.extra_body)
        body = {**form.body, **self.options.extra_body}
        prompt: Mapping[str, Any] = {}
        if not self._endpoint.openai_models:
            prompt = await asking.prompt_of(self._connected().post, self._endpoint.url, body)
        unknown = () if prompt.get("token_ids") else (asking.PROMPT_UNKNOWN,)
        return told.model_copy(update={**prompt, "notes": (*told.notes, *unknown)})

    def answered_before(self) -> None:
        """See `RemembersAnswers.answered_before`."""
        self._contact.answered = True

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`.

        Raises:
            AuthenticationError: The server refused the key, or its account is exhausted.
            BadRequestError: The server refused the request as such.
        """
        return await self._complete(request, indices, {})

    async def _complete(self, request: Request, indices: Sequence[int], cut: Cut) -> list[Completion]:
        """The draws; `cut` are those that are drawn once more."""
        chunks = self._chunks(request, indices)
        if len(chunks) == 1:
            return await self._bought(request, chunks[0], cut)
        found = await _together([self._landed(request, chunk, cut) for chunk in chunks])
        return [completion for chunk in found for completion in chunk]

    def _chunks(self, request: Request, indices: Sequence[int]) -> list[list[int]]:
        """Splits draws over requests: those of one request have consecutive seeds, where it has any."""
        most = self._most_samples
        if request.sampling.seeded and "seed" not in self._refused and self._shape(request) is not self._responses:
            return consecutive_runs(draw_key(self._identity_text, request), indices, most)
        return [list(indices[at : at + most]) for at in range(0, len(indices), most)]

    async def _landed(self, request: Request, indices: list[int], cut: Cut) -> list[Completion]:
        """Some of a call's draws, kept whatever becomes of the others."""
        completions = await self._bought(request, indices, cut)
        landed(completions)
        return completions

    async def _bought(self, request: Request, indices: list[int], cut: Cut) -> list[Completion]:
        """Buys draws in one request; in several where the server turns out not to give so many, or so short, in one."""
        await self._ask_for_card(request)
        async with requesting(len(indices)) as sent:
            form = self._form(request)
            completions = await self._sent(request, indices, form)
            sent.answered(completions)
        again = self._cut_in_thoughts(request, completions, form)
        drawn = {
            c.index: once_more(cut[c.index], c) if c.index in cut else c for c in completions if c.index not in again
        }
        rest = [index for index in indices if index not in drawn]
        if rest:
            landed(list(drawn.values()))
            drawn |= {c.index: c for c in await self._complete(request, rest, {**cut, **again})}
        return [drawn[index] for index in indices]

    async def _ask_for_card(self, request: Request) -> None:
        """Asks the server once what it tells of itself, where an answer can matter: before a long limit or a budget."""
        sampling = request.sampling
        long = (sampling.max_tokens or 0) >= LONG and self._window.stated is None
        budget = sampling.thinking_tokens is not None and self._manners.budgets == "no"
        unasked = self._card is None and not self._endpoint.openai_models
        if not (unasked and (long or (budget and self.options.thinking_budget == "auto"))):
            return
        self._card = Card()  # whoever comes meanwhile goes without, and learns from a refusal
        self._card = card = await card_of(self._connected().get, self._endpoint.url, self.model)
        self._window.told, self._window.most_output = card.context_tokens, card.most_output

    def _cut_in_thoughts(self, request: Request, completions: Sequence[Completion], form: Form) -> Cut:
        """The draws to be made once more with room to think, for they show only now that the model thinks.

        Their seeds stay, and so do their texts as far as they got: that room came late changes no draw.
        """
        if not request.messages or self._thinks is False:
            return {}
        self._showed_thoughts = self._showed_thoughts or any(map(shows_thoughts, completions))
        if request.sampling.limit != "answer":
            return {}
        cut = {c.index: c for c in completions if c.finish == "length" and shows_thoughts(c)}
        # Another reply may have shown it meanwhile: what counts is the limit that this request was sent with.
        more_fits = form.limit is not None and (self._form(request).limit or 0) > form.limit
        return cut if more_fits else {}

    def _form(self, request: Request) -> Form:
        """The form to put a request into, with a limit that fits."""
        form, wanted = Form(self._manners, {"model": self.model}), request.sampling.max_tokens
        if wanted is None:
            return form
        likely = self._thinks or (self._thinks is None and self._thinks_unless_told)
        if request.sampling.limit == "answer" and likely and request.messages:
            wanted += request.sampling.room_to_think
        form.limit = self._window.fitting(wanted, request)
        if form.limit < wanted:
            form.degradations.append(
                f"max_tokens {wanted} does not fit what the server takes with this prompt: {form.limit} was sent. Set "
                "sampling.max_tokens to choose a limit, or context_tokens to say what fits."
            )
        return form

    async def _sent(self, request: Request, indices: list[int], form: Form) -> list[Completion]:
        """The draws that one request brings: fewer or none where the server turns out not to take it so."""
        shape = self._shape(request)
        seed = self._seed(request, indices[0])
        shape.fill(form, request, len(indices), seed)
        if "seed" not in form.body:
            seed = None
        started = time.perf_counter()
        with self._contact.request():
            found = await self._connected().post(shape.path, {**form.body, **self.options.extra_body})
        latency = time.perf_counter() - started
        answer = self._read(shape, found, request, form.limit) if isinstance(found, dict) else found
        if isinstance(answer, Trouble):
            if self._learns(answer, form, request, len(indices)):
                return []
            await self._stop_for(answer)
            return [without_answer(answer, request, index, latency) for index in indices]
        self._contact.answer()
        if answer.usage is not None:
            self._window.counted(request, answer.usage.prompt_tokens)
        answer = replace(answer, samples=answer.samples[: len(indices)])  # what more there is was bought with these
        given = len(answer.samples)
        if given < len(indices) and self.options.n == "auto":
            self._most = min(self._most, given)
        notes = form.degradations + ([ONE_BY_ONE] if self._most == 1 < self._wanted else [])
        drawing = Drawing(request, indices[:given], seed, tuple(notes), latency, form.limit)
        return await self._drawn(shape, answer, drawing)

    async def _stop_for(self, trouble: Trouble) -> None:
        """Raises what stops the run: any refusal before the server's first answer, and the account's end later too."""
        if trouble.end is not None:
            raise trouble.end
        end = trouble.end_unless_answered
        if end is not None and await self._contact.never_answered():
            raise end

    def _learns(self, trouble: Trouble, form: Form, request: Request, samples: int) -> bool:
        """True where the server refused something that it is not asked for from now on, so that it is worth asking."""
        sent = {name: value for name, value in _sent(form.body).items() if name in DROPPABLE}
        refusal = trouble.refuses({name: value for name, value in sent.items() if name not in self.options.extra_body})
        renamed = refusal is not None and refusal.parameter in LIMITS and refusal.instead is None
        too_high = form.limit is not None and not renamed and trouble.verdict in _OF_A_LIMIT
        if too_high and refusal is not None and refusal.instead is not None and refusal.parameter in LIMITS:
            self._window.bounded(int(refusal.instead))
            return True
        if too_high and self._window.learns(trouble.words, form.limit or 0, request):
            return True
        if refusal is None:
            return False
        if refusal.parameter == "n":
            if self.options.n == "native" or samples == 1:
                return False
            most = samples // 2 if refusal.most is None else refusal.most
            self._most = min(self._most, max(1, min(most, samples - 1)))
        elif refusal.instead is not None:
            self._bounds = {**self._bounds, refusal.parameter: refusal.instead}
        else:
            self._refused |= {refusal.parameter}
        return True

    def _read(self, shape: shapes.Shape, body: dict[str, Any], request: Request, limit: int | None) -> Answer | Trouble:
        try:
            return shapes.read(shape, body, request, self._tags, limit)
        except MalformedError as error:
            return faults.malformed(self._endpoint.url, str(error), self._scrub)

    async def _drawn(self, shape: shapes.Shape, answer: Answer, drawing: Drawing) -> list[Completion]:
        """The draws of an answer; a broken sample fails alone, whatever it was billed."""
        completions, broken = drawing.completions(answer)
        if broken:
            landed(list(completions.values()))  # one that is broken may end the run
        for index, (why, usage) in broken.items():
            trouble = of_broken(why, self._endpoint.url, f"POST {shape.path}", self._scrub)
            await self._stop_for(trouble)
            completions[index] = without_answer(trouble, drawing.request, index, drawing.latency_s, usage)
        return [completions[index] for index in drawing.indices]

    @property
    def _budgets(self) -> Budgets:
        """How the server takes a budget of thought."""
        engine = self._card.engine if self._card is not None else None
        way = self.options.thinking_budget
        return budgets_at(self._endpoint.url, engine) if way == "auto" else way

    @property
    def _thinks(self) -> bool | None:
        """Whether the model thinks, as far as is known by now."""
        return self.thinks_as_opened if self.thinks_as_opened is not None else self._showed_thoughts or None

    @property
    def _most_samples(self) -> int:
        return 1 if self._api == "responses" else self._most

    def _seed(self, request: Request, index: int) -> int | None:
        if not request.sampling.seeded:
            return None
        return draw_seed(draw_key(self._identity_text, request), index)

    @property
    def _api(self) -> str:
        """The API that the options and the model's name come to."""
        if self.options.api != "auto":
            return self.options.api
        official = self._endpoint.official
        if self.options.reasoning_summary or (official and needs_responses(self.model)):
            return "responses"
        return "completions" if official and needs_completions(self.model) else "auto"

    @property
    def _takes_text(self) -> bool:
        return self._api == "completions" or (self._api == "auto" and not self._endpoint.official)

    def _shape(self, request: Request) -> shapes.Shape:
        if self._api == "responses":
            return self._responses
        if self._api == "completions" or (self._api == "auto" and request.prompt is not None and self._takes_text):
            return self._text
        return self._chat

    @property
    def _manners(self) -> Manners:
        theirs = self._endpoint.openai_models
        reasoning = self.options.reasoning_model
        return Manners(
            openai=theirs,
            reasoning=theirs and is_reasoning_model(self.model) if reasoning is None else reasoning,
            most_stop=self.options.max_stop or (OPENAI_STOPS if theirs else None),
            refused=self._refused,
            budgets=self._budgets,
            bounds=self._bounds,
        )

    def _connected(self) -> "Client":
        """The client of this process and loop: one made on another loop is no use here, nor after a fork."""
        from reasoning.backends.openai.client import Client, Limits

        process, loop = os.getpid(), asyncio.get_running_loop()
        if self._client is None or self._client[:2] != (process, loop):
            limits = Limits(self.options.timeout_s, self.options.max_connections)
            client = Client(self._endpoint, limits, self.options.organization, self.options.project)
            self._client = process, loop, client
        return self._client[2]

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        if self._client is None:
            return
        process, loop, client = self._client
        self._client = None
        if (process, loop) == (os.getpid(), asyncio.get_running_loop()):
            await client.aclose()

    def __repr__(self) -> str:
        return f"<{self.spec} at {self._endpoint.url}>"


def _usual_samples(endpoint: Endpoint) -> int:
    return OPENAI_SAMPLES if endpoint.openai_models else OTHER_SAMPLES


def _sent(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body's fields, those of the object `reasoning` included."""
    messages = body.get("messages") or body.get("input") or ()
    system = {"system message": True} if any(message.get("role") == "system" for message in messages) else {}
    return {**body, **system, **{f"reasoning.{name}": value for name, value in body.get("reasoning", {}).items()}}


def _thinks(model: str, options: OpenAIOptions, endpoint: Endpoint) -> bool | None:
    """Whether the model thinks, as options and name say before anything is asked."""
    said = (options.thinks, options.reasoning_model, thinks_as_told(options.extra_body))
    known = next((one for one in said if one is not None), None)
    return thinks_by_name(model, official=endpoint.official) if known is None else known


async def _together(work: Sequence[Awaitable[list[Completion]]]) -> list[list[Completion]]:
    """Awaits all; where one stops the run, or the caller is cancelled, the others are cancelled and let go of first."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    except SpendLimitError:
        await asyncio.gather(*tasks, return_exceptions=True)  # what is sent is paid for: let it land
        raise
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
