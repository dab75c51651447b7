"""Slurm: a pool inside its queue, on a cluster of this machine."""
