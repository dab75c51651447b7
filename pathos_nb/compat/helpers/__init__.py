"""``pathos.helpers``: the raw pools of multiprocess, how many cores there are, and how to end all shared pools."""

from __future__ import annotations

from pathos_nb.launchers.cores import usable_cores as cpu_count
from pathos_nb.lazily import lazy_names
from pathos_nb.pools import _clear as shutdown

__all__ = ["cpu_count", "shutdown"]

__getattr__ = lazy_names(
    __name__,
    {
        "ProcessPool": "pathos_nb.raw_pools:ProcessPool",
        "ThreadPool": "pathos_nb.raw_pools:ThreadPool",
        "freeze_support": "pathos_nb.raw_pools:freeze_support",
        "mp": "pathos_nb.raw_pools:mp",
        "mp_helper": "pathos_nb.compat.helpers.mp_helper",
        "parallelpython": "pathos_nb.compat.helpers.pp_helper:ppft",
        "pp_helper": "pathos_nb.compat.helpers.pp_helper",
    },
)
