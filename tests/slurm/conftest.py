"""The Slurm cluster for the tests of this folder."""

from __future__ import annotations

from tests.rig.cluster import cluster, raised_cluster

__all__ = ["cluster", "raised_cluster"]
