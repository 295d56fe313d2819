"""Copies of one engine over a Ray cluster, as one backend: see docs/cluster.md."""

from reasoning.backends.replicated.options import ReplicaOptions
from reasoning.backends.replicated.replicated import Replicated

__all__ = ["ReplicaOptions", "Replicated"]
