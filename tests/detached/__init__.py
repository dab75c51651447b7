"""Sweeps that a batch queue computes."""
