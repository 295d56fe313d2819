"""How many replicas, and what each takes of the cluster."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt


class ReplicaOptions(BaseModel):
    """Options of a replicated backend.

    Attributes:
        replicas: Copies of the engine.
        ray: The cluster's address, `"HOST:PORT"` of its head node or `"auto"`; None for one that is started on this
            machine and ends with this process. The process must run on a node of the cluster.
        gpus_per_replica: GPUs set aside for each; None for as many as the engine computes on where the cluster has any.
        cpus_per_replica: CPUs set aside for each (Ray counts them, it does not pin them).
        replicas_per_node: Most replicas on one node; None lets Ray spread them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    replicas: PositiveInt
    ray: str | None = None
    gpus_per_replica: NonNegativeFloat | None = None
    cpus_per_replica: float = Field(default=1.0, ge=0)
    replicas_per_node: PositiveInt | None = None

    def gpus(self, spec: str, options: Mapping[str, Any], in_cluster: float) -> float:
        """GPUs that one replica takes.

        Args:
            spec: The replicated backend's.
            options: Its driver's.
            in_cluster: GPUs that the cluster has.
        """
        if self.gpus_per_replica is not None:
            return self.gpus_per_replica
        prefix = spec.partition("/")[0]
        if not in_cluster or prefix not in ("vllm", "transformers"):
            return 0.0
        return float(options.get("tensor_parallel_size") or 1) * float(options.get("pipeline_parallel_size") or 1)
