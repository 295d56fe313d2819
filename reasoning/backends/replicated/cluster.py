"""The Ray cluster: reached or started, looked over, and left as it was found."""

import contextlib
import logging
import os
import socket
from collections.abc import Mapping
from typing import Any

from reasoning.backends.replicated.options import ReplicaOptions
from reasoning.errors import ConfigError, MissingPackageError

INSTALL = "pip install 'reasoning-strategies[ray]'"
REACH_S = 5.0
"""Seconds within which the head node must take a connection: Ray itself would try for a minute."""

_log = logging.getLogger("reasoning.replicas")


def load_ray() -> Any:
    """Ray, imported when it is needed.

    Raises:
        MissingPackageError: It is not installed; the message gives the install line.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers, and wait for the network
    try:
        import ray
    except ImportError as error:
        raise MissingPackageError("ray", INSTALL, "More than one replica") from error
    return ray


class Cluster:
    """The cluster that this process is connected to; the connection is closed by whoever opened it.

    Args:
        address: See `ReplicaOptions.ray`.

    Raises:
        MissingPackageError: Ray is not installed.
        ConfigError: The address is none, nothing answers there, or this process is connected to another cluster.
    """

    def __init__(self, address: str | None) -> None:
        self._ray = load_ray()
        self._opened = not self._ray.is_initialized()
        if self._opened:
            self._connect(address)
        elif address not in (None, "auto", self._ray.get_runtime_context().gcs_address):
            raise ConfigError(
                f"This process is connected to the Ray cluster at {self._ray.get_runtime_context().gcs_address}, so "
                f"it cannot use the one at {address} too; run the other in a process of its own."
            )

    @property
    def ray(self) -> Any:
        """The module."""
        return self._ray

    @property
    def gpus(self) -> float:
        """GPUs of all nodes."""
        return float(self._ray.cluster_resources().get("GPU", 0))

    def check(self, spec: str, options: ReplicaOptions, gpus: float) -> None:
        """Checks that the replicas fit: a Ray actor that never fits would wait for ever without a word.

        Raises:
            ConfigError: They do not; the message names what the cluster has and what they need.
        """
        fit = 0
        for node in self._ray.nodes():
            if node["Alive"]:
                here = _fit(node["Resources"], gpus, options.cpus_per_replica, options.replicas)
                fit += min(here, options.replicas_per_node or here)
        if fit >= options.replicas:
            return
        has = self._ray.cluster_resources()
        each = f"{gpus:g} GPUs and {options.cpus_per_replica:g} CPUs"
        kept = f", at most {options.replicas_per_node} on a node" if options.replicas_per_node else ""
        raise ConfigError(
            f"{options.replicas} replicas of {spec} need {each} each{kept}; the Ray cluster has {has.get('GPU', 0):g} "
            f"GPUs and {has.get('CPU', 0):g} CPUs, in which {fit} fit. Lower --replicas, gpus_per_replica or "
            "cpus_per_replica, or add nodes."
        )

    def close(self) -> None:
        """Leaves the cluster, where this object joined it; one that was started for it ends."""
        if self._opened and self._ray.is_initialized():
            self._ray.shutdown()

    def _connect(self, address: str | None) -> None:
        quiet: Mapping[str, Any] = {
            "log_to_driver": False,
            "configure_logging": False,
            "logging_level": logging.ERROR,
        }
        # Ray says at each start that it sets no handler for SIGTERM outside the main thread
        logging.getLogger("ray._private.worker").setLevel(logging.ERROR)
        if address is None:
            _log.info("starting a Ray cluster on this machine")
            self._ray.init(address="local", include_dashboard=False, **quiet)
            return
        if address.startswith("ray://"):
            raise ConfigError(
                f"The Ray address {address!r} is a client's; run this on a node of the cluster and give HOST:PORT of "
                "its head node, or auto."
            )
        if address != "auto":
            _reach(address)
        try:
            self._ray.init(address=address, **quiet)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            why = " ".join(str(error).split())[:300]
            raise ConfigError(
                f"The Ray cluster at {address} cannot be joined: {why}. Start this machine's node with: "
                "ray start --address HOST:PORT (--head on the first)."
            ) from error


def _reach(address: str) -> None:
    """Whether somebody listens there.

    Raises:
        ConfigError: It is no HOST:PORT, or nobody does.
    """
    host, sign, port = address.rpartition(":")
    if not (host and sign and port.isdigit()):
        raise ConfigError(f"--ray takes HOST:PORT of the cluster's head node, or auto; got {address!r}.")
    try:
        with contextlib.closing(socket.create_connection((host, int(port)), REACH_S)):
            pass
    except OSError as error:
        raise ConfigError(
            f"No Ray cluster answers at {address}: {error}. Check the address, and that its head node runs: ray status."
        ) from error


def _fit(has: Mapping[str, float], gpus: float, cpus: float, most: int) -> int:
    room = [has.get(name, 0.0) / wanted for name, wanted in (("GPU", gpus), ("CPU", cpus)) if wanted > 0]
    return int(min(room, default=most) + 1e-9)
