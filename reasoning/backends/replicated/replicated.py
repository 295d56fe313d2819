"""`complete` over Ray actors that each hold a driver.

Strategies, store, spend limits, sandbox and log stay in this process, so that all that holds on one machine holds on a
cluster. Requests of one prompt go to one replica while it has room (its prefix cache), else to the least loaded.
"""

import asyncio
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reasoning.backends.backend import Capabilities, Scores
from reasoning.backends.replicated.cluster import Cluster
from reasoning.backends.replicated.member import MOST_STARTS, START_WAIT_S, Lost, Member
from reasoning.backends.replicated.options import ReplicaOptions
from reasoning.backends.replicated.replica import Info, Raised, Replica
from reasoning.completion import Completion
from reasoning.errors import BackendError, ConfigError
from reasoning.request import Request

CALLS_A_REPLICA = 10_000
"""Ray calls that an actor serves at once: none of ours waits for another."""
CLOSE_S = 10.0
"""Seconds that an engine is given to let go of what it holds."""
REMEMBERED = 65_536
"""Prompts whose replica is remembered."""
PASSED_ON = ("OPENAI_", "HF_", "HUGGING_FACE_", "REASONING_")
"""Starts of the names of variables that a replica on another node may need."""

_log = logging.getLogger("reasoning.replicas")


class Replicated:
    """A backend over several replicas.

    Args:
        spec: What each replica opens.
        options: The driver's options.
        placed: How many, and where.

    Raises:
        MissingPackageError: Ray, or a package of the driver's on a node, is not installed.
        ConfigError: The cluster cannot be reached or has no room for them, or they hold different models.
        BackendError: An engine does not start.
    """

    def __init__(self, spec: str, options: Mapping[str, Any], placed: ReplicaOptions) -> None:
        self._cluster = Cluster(placed.ray)
        self._affinity: OrderedDict[str, Member] = OrderedDict()
        self._closed = False
        actors: list[Any] = []
        try:
            gpus = placed.gpus(spec, options, self._cluster.gpus)
            self._cluster.check(spec, placed, gpus)
            self._group = self._reserve(placed, gpus)
            start = self._starter(spec, options, placed, gpus)
            actors.extend(start() for _ in range(placed.replicas))
            infos = self._ready(spec, actors, start)
        except BaseException:
            for actor in actors:
                self._kill(actor)
            self._leave()
            raise
        root = self._cluster.ray.exceptions.RayError
        self._members = [
            Member(number, start, self._kill, root, actor, info)
            for number, (actor, info) in enumerate(zip(actors, infos, strict=True), 1)
        ]
        one = infos[0]
        self.spec = one.spec
        self.identity = one.identity
        self.account, self.facts = one.account, one.facts
        self._width = one.capabilities.concurrency
        self.capabilities: Capabilities = one.capabilities.model_copy(
            update={"concurrency": self._width * placed.replicas}
        )

    @property
    def notices(self) -> tuple[str, ...]:
        """Workers that were lost, one sentence each."""
        lost = [member for member in self._members if member.losses]
        return tuple(
            member.given_up or f"replica {member.number} was lost and replaced {member.losses} time(s)"
            for member in lost
        )

    async def complete(self, request: Request, indices: Sequence[int]) -> list[Completion]:
        """See `Backend.complete`; draws of a lost worker fail as retryable.

        Raises:
            BackendError: The backend is closed, or no replica is left.
        """
        return await (await self._member(request)).complete(request, indices)

    async def score(self, request: Request, texts: Sequence[str]) -> list[Scores]:
        """See `Scorer.score`."""
        while True:
            try:
                return await (await self._member(request)).score(request, texts)
            except Lost:
                continue

    async def aclose(self) -> None:
        """Ends the calls under way and the actors."""
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(*(member.close(CLOSE_S) for member in self._members))
        await asyncio.to_thread(self._leave)

    async def _member(self, request: Request) -> Member:
        """The replica for a request; waits where all are being replaced."""
        while True:
            if self._closed:
                raise BackendError(f"The backend {self.spec} is closed. Open it anew.")
            usable = [member for member in self._members if member.up.is_set()]
            if usable:
                return self._chosen(request, usable)
            coming = [member for member in self._members if member.given_up is None]
            if not coming:
                raise BackendError(f"No replica of {self.spec} is left: {self._members[0].given_up}.")
            waits = [asyncio.ensure_future(member.up.wait()) for member in coming]
            try:
                await asyncio.wait(waits, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def _chosen(self, request: Request, usable: Sequence[Member]) -> Member:
        key = request.canonical
        member = self._affinity.pop(key, None)
        if member is None or not member.up.is_set() or member.load >= self._width:
            member = min(usable, key=lambda one: one.load)
        self._affinity[key] = member
        if len(self._affinity) > REMEMBERED:
            self._affinity.popitem(last=False)
        return member

    # Starting and leaving

    def _reserve(self, placed: ReplicaOptions, gpus: float) -> Any:
        """Room on distinct nodes for so many replicas each, where a most was asked for."""
        if placed.replicas_per_node is None:
            return None
        whole, rest = divmod(placed.replicas, placed.replicas_per_node)
        counts = [placed.replicas_per_node] * whole + [rest] * bool(rest)
        wanted = {"CPU": placed.cpus_per_replica, "GPU": gpus}
        bundles = [{name: amount * many for name, amount in wanted.items() if amount} for many in counts]
        if not bundles[0]:
            raise ConfigError(
                "replicas_per_node needs cpus_per_replica or gpus_per_replica above 0: Ray places by them."
            )
        return self._cluster.ray.util.placement_group(bundles, strategy="STRICT_SPREAD")

    def _starter(self, spec: str, options: Mapping[str, Any], placed: ReplicaOptions, gpus: float) -> Any:
        ray = self._cluster.ray
        strategy: Any = "SPREAD"
        if self._group is not None:
            from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

            strategy = PlacementGroupSchedulingStrategy(self._group)
        actor = ray.remote(Replica).options(
            num_cpus=placed.cpus_per_replica,
            num_gpus=gpus,
            max_concurrency=CALLS_A_REPLICA,
            scheduling_strategy=strategy,
        )
        environment = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        return lambda: actor.remote(spec, dict(options), environment)

    def _ready(self, spec: str, actors: list[Any], start: Callable[[], Any]) -> list[Info]:
        """Waits for all replicas and says which has loaded; one whose worker or node is lost meanwhile starts again."""
        ray = self._cluster.ray
        _log.info("%d replicas load %s", len(actors), spec)
        waiting = {actor.info.remote(): place for place, actor in enumerate(actors)}
        infos: dict[int, Info] = {}
        starts = [1] * len(actors)
        while waiting:
            [done], _ = ray.wait(list(waiting), num_returns=1)
            place = waiting.pop(done)
            try:
                info: Info | Raised = ray.get(done)
            except ray.exceptions.RayError as error:
                why = " ".join(str(error).split())[:300]
                if starts[place] == MOST_STARTS:
                    raise BackendError(f"A replica of {spec} does not start: {why}") from error
                _log.info("replica %d starts again: %s", place + 1, why)
                time.sleep(START_WAIT_S)
                starts[place] += 1
                self._kill(actors[place])
                actors[place] = start()
                waiting[actors[place].info.remote()] = place
                continue
            if isinstance(info, Raised):
                raise info.error()
            first = next(iter(infos.values()), info)
            if info.identity != first.identity:
                raise ConfigError(
                    f"Nodes {first.node} and {info.node} hold different models under {spec}; replicas must be copies. "
                    "Put the same files on every node."
                )
            infos[place] = info
            _log.info("replica %d of %d is ready on %s", len(infos), len(actors), info.node)
        return [infos[place] for place in range(len(actors))]

    def _kill(self, actor: Any) -> None:
        if self._cluster.ray.is_initialized():
            self._cluster.ray.kill(actor)

    def _leave(self) -> None:
        group = getattr(self, "_group", None)
        if group is not None and self._cluster.ray.is_initialized():
            self._cluster.ray.util.remove_placement_group(group)
        self._cluster.close()
