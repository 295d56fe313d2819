"""Replicas over a real Ray cluster of two nodes on this machine: what holds on one engine holds on several."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fault_client import FaultServer

import evals
import reasoning
from evals.run import Run
from reasoning import ChainOfThought, ProgramOfThought, SelfConsistency, loop
from reasoning.backends.backend import Capabilities
from reasoning.backends.replicated import ReplicaOptions, Replicated
from reasoning.backends.replicated.replica import Raised
from reasoning.backends.scripted import Scripted
from reasoning.errors import (
    AuthenticationError,
    BackendError,
    ConfigError,
    MissingPackageError,
    ReasoningError,
    UnknownNameError,
)
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.store import checking

ROOT = Path(__file__).parents[3]
WARM = Sampling(temperature=1.0, max_tokens=24)
MODEL = {"weights": {"The answer is 18.": 3, "The answer is 7.": 2, "I do not know.": 1}, "latency_s": 0.03}
VOTE = SelfConsistency(of=ChainOfThought(stages="one"), samples=5)


# Without a cluster


def test_without_ray_the_error_gives_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'reasoning-strategies\[ray\]'"):
        reasoning.open_backend("scripted/constant", replicas=2)


def test_one_replica_without_a_cluster_is_the_engine_itself() -> None:
    with reasoning.open_backend("scripted/constant", replicas=1) as backend:
        inside: Any = backend
        while hasattr(inside, "inner"):
            inside = inside.inner
        assert isinstance(inside, Scripted)


@pytest.mark.parametrize(
    "options", [{"replicas": 0}, {"replicas": 2, "gpus_per_replica": -1}, {"replicas_per_node": 0}]
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        reasoning.open_backend("scripted/constant", **options)


def test_gpus_are_taken_by_engines_that_compute_on_them() -> None:
    placed = ReplicaOptions(replicas=2)
    assert placed.gpus("vllm/m", {"tensor_parallel_size": 4, "pipeline_parallel_size": 2}, 16) == 8
    assert placed.gpus("transformers/m", {}, 16) == 1
    assert placed.gpus("vllm/m", {}, 0) == placed.gpus("openai/m", {}, 16) == placed.gpus("local", {}, 16) == 0
    assert ReplicaOptions(replicas=2, gpus_per_replica=0.5).gpus("vllm/m", {}, 16) == 0.5


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("the key is refused"),
        UnknownNameError("option", "n_parralel", ["n_parallel"]),
        MissingPackageError("vllm", "pip install vllm", "The backend vllm"),
    ],
)
def test_errors_travel_as_what_they_are(error: ReasoningError) -> None:
    again = Raised.of(error).error()
    assert type(again) is type(error)
    assert str(again) == str(error)


def test_a_broken_engine_travels_as_a_sentence() -> None:
    again = Raised.of(RuntimeError("CUDA went away")).error()
    assert type(again) is BackendError
    assert "RuntimeError: CUDA went away" in str(again)


def _standing(*loads: int, width: int = 4) -> tuple[Replicated, list[Any]]:
    """A replicated backend whose members are stand-ins with so many draws under way."""
    from collections import OrderedDict

    backend = Replicated.__new__(Replicated)
    members = [SimpleNamespace(load=load, up=asyncio.Event()) for load in loads]
    for member in members:
        member.up.set()
    vars(backend).update(_affinity=OrderedDict(), _width=width)
    return backend, members


def _chosen(backend: Replicated, request: Request, members: list[Any]) -> Any:
    return backend._chosen(request, cast("Any", [member for member in members if member.up.is_set()]))


def test_a_prompt_stays_with_its_replica_while_that_has_room() -> None:
    backend, members = _standing(1, 0)
    first, other = Request(prompt="a"), Request(prompt="b")
    assert _chosen(backend, first, members) is members[1]
    members[1].load = 3
    assert _chosen(backend, first, members) is members[1]
    assert _chosen(backend, other, members) is members[0]
    members[1].load = 4
    assert _chosen(backend, first, members) is members[0]


def test_a_prompt_leaves_a_lost_replica() -> None:
    backend, members = _standing(0, 1)
    request = Request(prompt="a")
    assert _chosen(backend, request, members) is members[0]
    members[0].up.clear()
    assert _chosen(backend, request, members) is members[1]


# On a cluster of two nodes


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head node with CPUs for two replicas and one more node with as many."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    cluster.add_node(num_cpus=2)
    yield cluster
    cluster.shutdown()


def drawn(run: Run) -> dict[tuple[str, int], list[tuple[str, str | None, str, int | None]]]:
    """What a run's paths hold, by problem and repeat."""
    return {
        (record.id, record.repeat): [
            (path.status, path.key, completion.text, completion.seed)
            for path in record.result.paths
            for completion in path.completions
        ]
        for record in run.records
    }


def workers() -> list[str]:
    """Processes of our replicas that are alive on this machine."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if command.startswith("ray::Replica"):
            found.append(command)
    return found


def no_workers() -> bool:
    """Whether all replicas end within some seconds."""
    for _ in range(300):
        if not workers():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.ray
@pytest.mark.timeout(600)
class TestOnACluster:
    def test_a_scripted_run_is_that_of_one_engine(self, cluster: Any) -> None:
        settings: dict[str, Any] = {"limit": 40, "out": None}
        with reasoning.open_backend("scripted/weighted", **MODEL) as one:
            expected = evals.evaluate("reasoning-gym:chain_sum", VOTE, one, **settings)
        with reasoning.open_backend("scripted/weighted", replicas=2, ray=cluster.address, **MODEL) as two:
            assert two.capabilities.concurrency == 2 * one.capabilities.concurrency
            assert two.identity == one.identity
            run = evals.evaluate("reasoning-gym:chain_sum", VOTE, two, **settings)
        assert drawn(run) == drawn(expected)
        assert run.scores == expected.scores
        assert (run.usage, run.failures) == (expected.usage, 0)
        assert no_workers()

    @pytest.mark.model
    def test_the_embedded_model_draws_what_it_draws_here(self, cluster: Any) -> None:
        strategy = SelfConsistency(of=ProgramOfThought(sampling=Sampling(temperature=0.7, max_tokens=64)), samples=3)
        settings: dict[str, Any] = {"limit": 6, "out": None}
        with reasoning.open_backend("local") as one:
            expected = evals.evaluate("reasoning-gym:chain_sum", strategy, one, **settings)
        with reasoning.open_backend("local", replicas=2, ray=cluster.address, threads=1) as two:
            run = evals.evaluate("reasoning-gym:chain_sum", strategy, two, **settings)
        assert drawn(run) == drawn(expected)

    def test_a_lost_node_loses_no_draw_and_buys_none_that_is_stored(self, cluster: Any, tmp_path: Path) -> None:
        node = cluster.add_node(num_cpus=4, resources={"doomed": 1})
        store = tmp_path / "draws.sqlite"
        options = {**MODEL, "capabilities": Capabilities(text=True, seed=True, concurrency=4)}
        settings: dict[str, Any] = {"limit": 60, "out": None}
        with reasoning.open_backend("scripted/weighted", **options) as one:
            expected = evals.evaluate("reasoning-gym:chain_sum", VOTE, one, **settings)
        opened = reasoning.open_backend(
            "scripted/weighted", replicas=3, ray=cluster.address, replicas_per_node=1, store=store, **options
        )
        killed: list[int] = []

        def kill_once(event: Any) -> None:
            killed.append(1)
            if len(killed) == 60:
                cluster.remove_node(node, allow_graceful=False)

        with opened as backend:
            run = evals.evaluate("reasoning-gym:chain_sum", VOTE, backend, on_event=kill_once, **settings)
            notices = backend.notices
        assert len(killed) > 60
        assert drawn(run) == drawn(expected)
        assert run.failures == 0
        assert run.paid is not None
        assert run.paid.failed > 0, "the node was lost while it had nothing to do"
        assert run.paid.doubles == 0
        found = checking.verify(store)
        assert found.clean, found.problems
        assert found.draws == 60 * 5 == run.paid.draws
        assert any("lost" in notice for notice in notices)

    def test_a_killed_driver_goes_on_where_it_was(self, cluster: Any, tmp_path: Path) -> None:
        command = run_command(cluster, tmp_path)
        with reasoning.open_backend("scripted/weighted", **MODEL) as one:
            expected = evals.evaluate("reasoning-gym:chain_sum", VOTE, one, limit=60, out=None)
        process = started(command, tmp_path)
        await_lines(process, tmp_path, 10)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert no_workers()
        done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=170)
        assert done.returncode == 0, done.stderr
        (told,) = json.loads(done.stdout)["runs"]
        run = evals.load_run(tmp_path / told["folder"])
        assert drawn(run) == drawn(expected)
        found = checking.verify(tmp_path / "draws.sqlite")
        assert found.clean, found.problems
        assert found.draws == 60 * 5

    def test_ctrl_c_leaves_no_worker_behind(self, cluster: Any, tmp_path: Path) -> None:
        process = started(run_command(cluster, tmp_path, limit=3000), tmp_path)
        await_lines(process, tmp_path, 5)
        assert workers()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130, errors
        assert "Traceback" not in errors
        assert no_workers()

    def test_replicas_of_one_api_share_its_key_and_its_pacing(
        self, cluster: Any, fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        fault_server.configure(latency_s=0.05)
        with reasoning.open_backend(
            "openai/m", base_url=fault_server.base_url, replicas=2, ray=cluster.address, max_concurrency=3
        ) as backend:
            requests = [Request(prompt=f"{n}", sampling=WARM) for n in range(24)]

            async def all_at_once() -> list[Any]:
                return await asyncio.gather(*(backend.complete(request, [0]) for request in requests))

            found = loop.run(all_at_once())
        assert [completions[0].failure for completions in found] == [None] * 24
        assert fault_server.stats()["most_in_flight"] <= 3

    def test_a_refused_key_stops_the_run(self, cluster: Any, fault_server: FaultServer) -> None:
        fault_server.configure(api_key="right")
        with (
            reasoning.open_backend(
                "openai/m", base_url=fault_server.base_url, api_key="wrong", replicas=2, ray=cluster.address
            ) as backend,
            pytest.raises(AuthenticationError),
        ):
            loop.run(backend.complete(Request(prompt="?", sampling=WARM), [0]))

    def test_too_many_replicas_are_refused_before_anything_starts(self, cluster: Any) -> None:
        with pytest.raises(ConfigError, match=r"2 replicas of scripted/constant need 1 GPUs .* has 0 GPUs .* 0 fit"):
            reasoning.open_backend("scripted/constant", replicas=2, ray=cluster.address, gpus_per_replica=1)
        with pytest.raises(ConfigError, match="at most 1 on a node"):
            reasoning.open_backend("scripted/constant", replicas=9, ray=cluster.address, replicas_per_node=1)

    def test_an_engine_that_does_not_start_says_why(self, cluster: Any) -> None:
        with pytest.raises(ConfigError, match=r"missing\.gguf"):
            reasoning.open_backend("llama-cpp/missing.gguf", replicas=2, ray=cluster.address)
        assert no_workers()

    @pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:1", "ray://127.0.0.1:10001"])
    def test_an_address_that_nobody_answers_is_said_at_once(self, address: str) -> None:
        with pytest.raises(ConfigError, match=r"127\.0\.0\.1|nowhere") as caught:
            reasoning.open_backend("scripted/constant", replicas=2, ray=address)
        assert "\n" not in str(caught.value)

    def test_a_lone_machine_starts_a_cluster_of_its_own(self) -> None:
        with reasoning.open_backend("scripted/constant", replicas=2, cpus_per_replica=0.5) as backend:
            [completion] = loop.run(backend.complete(Request(prompt="?", sampling=WARM), [0]))
        assert completion.text == "The answer is 18."
        assert no_workers()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}


def run_command(cluster: Any, folder: Path, limit: int = 60) -> list[str]:
    told = ["-S", "of=chain-of-thought", "-S", "of.stages=one", "-S", "samples=5"]
    told += ["-B", f"weights={json.dumps(MODEL['weights'])}"]
    return [
        *(sys.executable, "-m", "evals.cli.main", "run", "reasoning-gym:chain_sum", "--limit", str(limit)),
        *("-b", "scripted/weighted", "-s", "self-consistency", *told, "-B", "latency_s=0.1"),
        *("--replicas", "2", "--ray", cluster.address, "--store", str(folder / "draws.sqlite"), "--out", "runs"),
        *("-B", "max_concurrency=2", "--json"),
    ]


def started(command: list[str], folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def await_lines(process: "subprocess.Popen[str]", folder: Path, lines: int) -> None:
    """Waits until the run's log has so many lines."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        logs = list(folder.glob("runs/*/results.jsonl"))
        if logs and logs[0].read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the run does not get on: {process.communicate()[1]}")
