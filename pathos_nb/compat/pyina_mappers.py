"""pyina's two strategies, as `ez_map` takes them."""

from __future__ import annotations

__all__ = ["all_mappers", "carddealer_mapper", "equalportion_mapper", "scatter_gather", "worker_pool"]


def worker_pool() -> str:
    """Have each worker take its next items when it is free."""
    return "mpi_pool"


def scatter_gather() -> str:
    """Have each worker do one equal share of the items."""
    return "mpi_scatter"


carddealer_mapper, equalportion_mapper = worker_pool, scatter_gather


def all_mappers() -> list[str]:
    """Give the older names of the strategies."""
    return ["mappers.carddealer_mapper", "mappers.equalportion_mapper"]
