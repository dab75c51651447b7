"""A small cluster of dask's, for the self-test: on loopback, until the standard input ends.

    python -m pathos_nb.tests.dask_cluster FOLDER

Its first line says where its scheduler is.
"""

from __future__ import annotations

import sys

import dask
from distributed import LocalCluster

__all__ = ["main"]


def main(folder: str) -> None:
    """Run it.

    Parameters
    ----------
    folder : str
        Where its workers may write.
    """
    dask.config.set({"temporary-directory": folder})
    options = {"dashboard_address": None, "host": "127.0.0.1", "memory_limit": 0, "silence_logs": 50}
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=True, **options) as cluster:
        sys.stdout.write(f"{cluster.scheduler_address}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
