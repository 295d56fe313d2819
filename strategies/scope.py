"""The backend as one problem sees it.

A `Scope` is a Backend: it turns draw indices into rows of the run's seed, tells `on_event` of every draw, hands out
the backends of roles, and collects degradations. Path strategies get it as their `backend`, and work with a plain
Backend just as well.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from reasoning.backends.backend import Backend, Capabilities, Scorer, Scores
from reasoning.completion import Completion
from reasoning.draws import demand_seed, row
from reasoning.errors import ConfigError
from reasoning.request import Request
from strategies.events import DrawEvent, Event, OnEvent


class Scope:
    """A backend, its roles and its witnesses, for the time of one problem.

    Attributes:
        asked: Requests made for this problem, by what they were made of: all paths share one. Each stands with the
            strategy that made it, which is known by its `id` and must live as long.
    """

    def __init__(
        self,
        backend: Backend,
        problem_id: str,
        *,
        roles: Mapping[str, Backend] | None = None,
        seed: int = 0,
        on_event: OnEvent | None = None,
        role: str = "",
        notes: dict[str, None] | None = None,
    ) -> None:
        self.backend = backend
        self.problem_id = problem_id
        self.seed = demand_seed(seed)
        self.asked: dict[Hashable, tuple[object, Request]] = {}
        self._roles = roles or {}
        self._on_event = on_event
        self._role = role
        self._notes: dict[str, None] = {} if notes is None else notes

    @property
    def spec(self) -> str:
        """See `Backend.spec`."""
        return self.backend.spec

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Backend.identity`."""
        return self.backend.identity

    @property
    def capabilities(self) -> Capabilities:
        """See `Backend.capabilities`; of thinking what was known when the backend was opened.

        What replies teach since then must change no request: draws made before would not be found again.
        """
        able = self.backend.capabilities
        opened = getattr(self.backend, "thinks_as_opened", able.thinks)
        return able if opened is able.thinks else able.model_copy(update={"thinks": opened})

    @property
    def salt(self) -> str:
        """What seeds the breaking of this problem's ties."""
        return f"{self.seed}\x00{self.problem_id}"

    @property
    def degradations(self) -> tuple[str, ...]:
        """What could not be done as asked, in order of first mention."""
        return tuple(self._notes)

    def degrade(self, note: str) -> None:
        """Puts on the record that something could not be done as asked."""
        self._notes[note] = None

    @property
    def watched(self) -> bool:
        """True where somebody listens."""
        return self._on_event is not None

    def emit(self, event: Event) -> None:
        """Tells `on_event`."""
        if self._on_event is not None:
            self._on_event(event)

    def role(self, name: str) -> "Scope":
        """The backend of a role, e.g. "judge"; this one where no other was given for it."""
        if name not in self._roles:
            return self
        return Scope(
            self._roles[name],
            self.problem_id,
            roles=self._roles,
            seed=self.seed,
            on_event=self._on_event,
            role=name,
            notes=self._notes,
        )

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`. A greedy request has one draw only, whatever the index and the run's seed."""
        greedy = request.sampling.greedy
        rows = [0] if greedy else [row(self.seed, index) for index in indices]
        completions = await self.backend.complete(request, rows)
        if self._on_event is not None:
            for completion in completions:
                self._on_event(DrawEvent(self.problem_id, self._role, completion))
        return completions * len(indices) if greedy else completions

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`.

        Raises:
            ConfigError: The backend is no reward or process-reward model.
        """
        if not (self.capabilities.scoring and isinstance(self.backend, Scorer)):
            raise ConfigError(
                f"{self.spec} scores no texts; give a reward model for the role {self._role or 'scorer'!r}."
            )
        return await self.backend.score(request, texts)

    async def aclose(self) -> None:
        """A scope owns nothing: whoever opened the backend closes it."""


async def draw(backend: Backend, request: Request, index: int) -> Completion:
    """One draw of a request."""
    return (await backend.complete(request, [index]))[0]


def degrade(backend: Backend, note: str) -> None:
    """Puts on the record that something could not be done as asked, where the backend keeps one."""
    if isinstance(backend, Scope):
        backend.degrade(note)


def role(backend: Backend, name: str) -> Backend:
    """The backend of a role; `backend` itself where it has none."""
    return backend.role(name) if isinstance(backend, Scope) else backend
