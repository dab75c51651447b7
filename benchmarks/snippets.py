"""Scripts that a user could have written: from a fresh interpreter to the first result, by each peer."""

from __future__ import annotations

_OWN = "def function(item):\n    return item + 1\n\n"
_IMPORTED = "from work_of_script import function\n\n"

_BODIES = {
    "bare interpreter": "    print([function(item) for item in range(4)], flush=True)",
    "pathos_nb": """    from pathos_nb import Pool
    with Pool("processes", nodes=2) as pool:
        print(pool.map(function, range(4)), flush=True)""",
    "multiprocessing": """    from multiprocessing import Pool
    with Pool(2) as pool:
        print(pool.map(function, range(4)), flush=True)""",
    "futures": """    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(2) as executor:
        print(list(executor.map(function, range(4))), flush=True)""",
    "pathos": """    from pathos.pools import ProcessPool
    pool = ProcessPool(nodes=2)
    print(pool.map(function, range(4)), flush=True)""",
    "mpire": """    from mpire import WorkerPool
    with WorkerPool(n_jobs=2) as pool:
        print(pool.map(function, range(4)), flush=True)""",
    "joblib": """    from joblib import Parallel, delayed
    print(Parallel(n_jobs=2)(delayed(function)(item) for item in range(4)), flush=True)""",
    "loky": """    from loky import get_reusable_executor
    print(list(get_reusable_executor(max_workers=2).map(function, range(4))), flush=True)""",
    "ipyparallel": """    import ipyparallel, logging
    with ipyparallel.Cluster(n=2, log_level=logging.ERROR) as client:
        print(list(client.load_balanced_view().map_sync(function, range(4))), flush=True)""",
    "dask": """    from distributed import Client, LocalCluster
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        print(client.gather(client.map(function, range(4))), flush=True)""",
}
MODULE = _OWN
_HOLD = "; __import__('sys').stdin.read()"


def script(peer: str, *, is_own: bool, is_held: bool = False) -> str:
    """Give the script of a peer.

    Parameters
    ----------
    peer : str
        Who maps; "bare interpreter" maps without any pool.
    is_own : bool
        Whether the function is the script's own, instead of a module's beside it.
    is_held : bool
        Whether the pool stays open after the first result, until stdin ends.
    """
    head = _OWN if is_own else _IMPORTED
    return f'{head}if __name__ == "__main__":\n{_BODIES[peer]}{_HOLD if is_held else ""}\n'
