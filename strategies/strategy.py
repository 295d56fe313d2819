"""What a strategy is: a frozen configuration that turns a problem into an answer."""

import asyncio
import itertools
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, SerializeAsAny

from reasoning import loop
from reasoning.backends.backend import Backend, Idles
from reasoning.backends.precedence import Beginning
from reasoning.errors import FAMILY, ConfigError, RunStopped, SpendLimitError
from reasoning.problem import Problem
from strategies.events import ItemEvent, OnEvent, PathEvent
from strategies.gathering import cancel_all, gather_paths
from strategies.named import Named
from strategies.path import Path
from strategies.result import Result
from strategies.scope import Scope
from strategies.voting import Majority

STRATEGIES: Mapping[str, str] = {
    "direct": "strategies.direct:Direct",
    "chain-of-thought": "strategies.chain_of_thought:ChainOfThought",
    "program-of-thought": "strategies.program_of_thought:ProgramOfThought",
    "plan-and-solve": "strategies.plan_and_solve:PlanAndSolve",
    "least-to-most": "strategies.least_to_most:LeastToMost",
    "self-refine": "strategies.self_refine:SelfRefine",
    "budget-forcing": "strategies.budget_forcing:BudgetForcing",
    "tree-of-thoughts": "strategies.tree_of_thoughts:TreeOfThoughts",
    "self-consistency": "strategies.self_consistency:SelfConsistency",
    "ensemble": "strategies.ensemble:Ensemble",
    "best-of-n": "strategies.best_of_n:BestOfN",
    "universal-self-consistency": "strategies.universal_self_consistency:UniversalSelfConsistency",
}
"""This project's own strategies by their names."""
TURNS_TO_BEGIN = 8
"""Turns of the event loop that a problem needs at most from its beginning to the queue of its first calls: a task for
the problem, one for each path, and one for each purchase."""


class Strategy(Named):
    """How to turn a problem into an answer: fields are its configuration; it holds no backend and no state.

    A combining strategy implements `decide_on`; a path strategy (`PathStrategy`) implements `path`.
    """

    what: ClassVar[str] = "strategy"
    group: ClassVar[str] = "reasoning.strategies"
    names: ClassVar[Mapping[str, str]] = STRATEGIES

    @abstractmethod
    async def decide_on(self, problem: Problem, scope: Scope, until: float | None) -> Result:
        """Answers one problem.

        Args:
            problem: What is asked.
            scope: The backend as this problem sees it.
            until: The loop's time at which paths still under way are abandoned; None for no deadline.
        """

    @property
    @abstractmethod
    def width(self) -> int:
        """Most paths it draws for a problem."""

    def sampled(self, temperature: float) -> Self:
        """This strategy with the temperature of a vote written in wherever none is set."""
        return self

    def with_logprobs(self, alternatives: int) -> Self:
        """This strategy with log-probabilities asked for, with so many alternatives at each token."""
        return self

    def with_shots(self, shots: str, backend: Backend | None = None) -> Self:
        """This strategy with a task's exemplar set written in wherever none was chosen.

        Args:
            shots: The set's name.
            backend: Who will be asked, where that is known: some strategies show a chat model no exemplars.
        """
        return self

    async def asolve(
        self,
        problem: Problem | str,
        backend: Backend,
        *,
        backends: Mapping[str, Backend] | None = None,
        seed: int = 0,
        deadline: float | None = None,
        on_event: OnEvent | None = None,
    ) -> Result:
        """Answers one problem.

        Args:
            problem: A problem, or a plain question whose answer is a number.
            backend: The model.
            backends: Other models by role, e.g. `{"judge": …}`.
            seed: The run's seed: other seeds, other draws.
            deadline: Seconds after which paths still under way abstain; the result is then not order-safe.
            on_event: Told of every draw, path, tally, stop and item.

        Raises:
            RunStopped: Authentication, a bad request, or the spend limit.
            ConfigError: The deadline is not above 0, or the backend cannot do what the strategy needs.
        """
        problem = Problem.of(problem)
        if deadline is not None and deadline <= 0:
            raise ConfigError(f"A deadline is a number of seconds above 0; got {deadline}.")
        scope = Scope(backend, problem.id, roles=backends, seed=seed, on_event=on_event)
        started = time.perf_counter()
        until = None if deadline is None else asyncio.get_running_loop().time() + deadline
        with Beginning():
            result = await self.decide_on(problem, scope, until)
        result = result.model_copy(update={"seconds": time.perf_counter() - started})
        scope.emit(ItemEvent(problem.id, result))
        return result

    async def asolve_stream(
        self, problems: Iterable[Problem | str], backend: Backend, **how: Any
    ) -> AsyncGenerator[Result, None]:
        """Answers many problems and yields each result as it is ready, in no fixed order.

        Args:
            problems: Read lazily: another is begun where the backend would be idle otherwise, and at most `look_ahead`
                of them are under way.
            backend: The model.
            **how: As for `asolve`, and

                - `look_ahead`: most problems under way at once; by default twice what the backend likes to have in
                  flight;
                - `errors`: what to do when the strategy itself breaks on a problem: `"raise"` (the default), or
                  `"record"`: yield a result that says so.

        Raises:
            SpendLimitError: After every problem that could still be finished was yielded.
            RunStopped: Authentication or a bad request, at once.
            ConfigError: `look_ahead`, `errors` or the deadline is none of those it can be.
        """
        async with aclosing(self._placed(problems, backend, **how)) as placed:
            async for _, result in placed:
                yield result

    async def _placed(
        self,
        problems: Iterable[Problem | str],
        backend: Backend,
        *,
        look_ahead: int | None = None,
        errors: Literal["raise", "record"] = "raise",
        **how: Any,
    ) -> AsyncGenerator[tuple[int, Result], None]:
        """The results of `asolve_stream`, each with its problem's place."""
        ahead = max(4, 2 * backend.capabilities.concurrency) if look_ahead is None else look_ahead
        if ahead < 1:
            raise ConfigError(f"look_ahead is a number of problems, at least 1; got {ahead}.")
        if errors not in ("raise", "record"):
            raise ConfigError(f"errors is 'raise' or 'record'; got {errors!r}.")
        waiting = enumerate(Problem.of(problem) for problem in problems)
        under_way: dict[asyncio.Task[Result], int] = {}
        finished: asyncio.Queue[asyncio.Task[Any]] = asyncio.Queue()
        stop: RunStopped | None = None
        idle: asyncio.Task[int] | None = None  # while it is waited for that more can begin
        over = False
        try:
            while True:
                if idle is None and not over and stop is None and len(under_way) < ahead:
                    idle = asyncio.create_task(self._room(backend))
                    idle.add_done_callback(finished.put_nowait)
                if not under_way and idle is None:
                    break
                task = await finished.get()
                if task is idle:
                    most = min(task.result(), ahead - len(under_way)) if stop is None else 0
                    following = list(itertools.islice(waiting, most))
                    over, idle = not following, None
                    for place, problem in following:
                        begun = asyncio.create_task(self._on_record(problem, backend, errors, how))
                        begun.add_done_callback(finished.put_nowait)  # asyncio.wait would look at all each time
                        under_way[begun] = place
                    continue
                place, broke = under_way.pop(task), task.exception()
                if broke is None:
                    yield place, task.result()
                elif isinstance(broke, SpendLimitError):
                    stop = stop or broke
                else:
                    raise broke
        finally:
            await cancel_all([*under_way, *([] if idle is None else [idle])])
        if stop is not None:
            raise stop

    async def _room(self, backend: Backend) -> int:
        """Waits until the backend would be idle; how many problems can begin.

        Those that just began get some turns of the loop to make their first calls, so that these are queued by then.
        """
        for _ in range(TURNS_TO_BEGIN):
            await asyncio.sleep(0)
        if not isinstance(backend, Idles):
            return backend.capabilities.concurrency
        return max(1, await backend.idle() // self.width)

    async def _on_record(
        self, problem: Problem, backend: Backend, errors: Literal["raise", "record"], how: Mapping[str, Any]
    ) -> Result:
        try:
            return await self.asolve(problem, backend, **how)
        except FAMILY:  # a sandbox that cannot be used, for instance, breaks every problem alike
            raise
        except Exception as error:
            if errors == "raise":
                raise
            return Result(problem=problem, stopped="error", error=f"{type(error).__name__}: {error}")

    async def asolve_many(self, problems: Iterable[Problem | str], backend: Backend, **how: Any) -> list[Result]:
        """Answers many problems; results come in the problems' order. Arguments as for `asolve_stream`."""
        placed = {place: result async for place, result in self._placed(problems, backend, **how)}
        return [placed[place] for place in sorted(placed)]

    def solve(self, problem: Problem | str, backend: Backend, **how: Any) -> Result:
        """`asolve` for sync code, scripts and notebooks."""
        return loop.run(self.asolve(problem, backend, **how))

    def solve_many(self, problems: Iterable[Problem | str], backend: Backend, **how: Any) -> list[Result]:
        """`asolve_many` for sync code, scripts and notebooks."""
        return loop.run(self.asolve_many(problems, backend, **how))


StrategyField = Annotated[SerializeAsAny[Strategy], BeforeValidator(Strategy.of_config)]


class PathStrategy(Strategy):
    """A strategy of one line of reasoning: it implements `path`, and any vote can be taken over its paths.

    Every model call inside path `index` uses that draw index (an inner fan-out of width w uses index · w + j).
    """

    @abstractmethod
    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        """Draws one path."""

    @property
    def width(self) -> int:
        """One path."""
        return 1

    @property
    def greedy(self) -> bool:
        """True at temperature 0: all its paths are the same."""
        sampling = getattr(self, "sampling", None)
        return sampling is not None and bool(sampling.greedy)

    async def decide_on(self, problem: Problem, scope: Scope, until: float | None) -> Result:
        """Draws path 0 and answers what it does."""

        async def one(index: int) -> Path:
            path = await self.path(problem, scope, index)
            scope.emit(PathEvent(problem.id, path))
            return path

        paths, cut = await gather_paths(one, [0], until)
        tally = Majority().tally(paths, scope.salt)
        stopped = "deadline" if cut else "single path"
        return Result.decided(problem, paths, tally, stopped, degradations=scope.degradations, order_safe=not cut)


def _path_strategy(value: Any) -> Any:
    found = Strategy.of_config(value)
    if not isinstance(found, PathStrategy):
        raise ConfigError(f"A vote is taken over a path strategy such as chain-of-thought; {found.name()} is none.")
    return found


PathStrategyField = Annotated[SerializeAsAny[PathStrategy], BeforeValidator(_path_strategy)]
