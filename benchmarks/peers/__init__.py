"""The peers, by name; each is imported only where it is used."""

from __future__ import annotations

from importlib import import_module, metadata
from importlib.util import find_spec

from benchmarks.peers.base import Peer

_HOMES = {
    "pathos_nb": "ours",
    "serial": "serial",
    "multiprocessing": "multiprocessing_pool",
    "futures": "futures_executor",
    "pathos": "pathos_pool",
    "mpire": "mpire_pool",
    "joblib": "joblib_parallel",
    "loky": "loky_executor",
    "ipyparallel": "ipyparallel_view",
    "dask": "dask_client",
}
_IN_STANDARD_LIBRARY = {"serial", "multiprocessing", "futures", "pathos_nb"}

LOCAL = ("multiprocessing", "futures", "pathos", "mpire", "joblib", "loky")
EVERY = (*LOCAL, "ipyparallel", "dask")


def make(name: str, n_workers: int = 2) -> Peer:
    """Give the peer of this name, not yet open."""
    module = import_module(f"{__name__}.{_HOMES[name]}")
    peer: Peer = module.PEER(n_workers)
    return peer


def missing(name: str) -> str | None:
    """Say why a peer cannot take part, or None."""
    if name in _IN_STANDARD_LIBRARY or find_spec(name):
        return None
    return f"{name} is not installed"


def versions() -> dict[str, str]:
    """Give the version of each peer that has one of its own."""
    found = {}
    for name in EVERY:
        if name not in _IN_STANDARD_LIBRARY and find_spec(name):
            found[name] = metadata.version(name)
    return found
