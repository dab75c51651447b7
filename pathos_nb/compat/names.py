"""Where each module of pathos 0.3.5, and of pyina 0.3.2, is here."""

from __future__ import annotations

__all__ = ["HOMES", "PYINA", "VERSION", "why_not"]

VERSION = "0.3.5"

HOMES = {
    "pathos": "pathos_nb.compat.facade",
    "pathos.abstract_launcher": "pathos_nb.abstract_launcher",
    "pathos.connection": "pathos_nb.connection",
    "pathos.core": "pathos_nb.core",
    "pathos.helpers": "pathos_nb.compat.helpers",
    "pathos.helpers.mp_helper": "pathos_nb.compat.helpers.mp_helper",
    "pathos.helpers.pp_helper": "pathos_nb.compat.helpers.pp_helper",
    "pathos.hosts": "pathos_nb.hosts",
    "pathos.maps": "pathos_nb.compat.maps",
    "pathos.mp_map": "pathos_nb.compat.mp_map",
    "pathos.multiprocessing": "pathos_nb.multiprocessing",
    "pathos.parallel": "pathos_nb.parallel",
    "pathos.pools": "pathos_nb.pools",
    "pathos.portpicker": "pathos_nb.portpicker",
    "pathos.pp": "pathos_nb.parallel",
    "pathos.pp_map": "pathos_nb.compat.pp_map",
    "pathos.profile": "pathos_nb.profile",
    "pathos.python": "pathos_nb.serial",
    "pathos.secure": "pathos_nb.secure",
    "pathos.secure.connection": "pathos_nb.secure.connection",
    "pathos.secure.copier": "pathos_nb.secure.copier",
    "pathos.secure.tunnel": "pathos_nb.secure.tunnel",
    "pathos.selector": "pathos_nb.selector",
    "pathos.serial": "pathos_nb.serial",
    "pathos.server": "pathos_nb.server",
    "pathos.threading": "pathos_nb.threading",
    "pathos.util": "pathos_nb.compat.util",
    "pathos.xmlrpc": "pathos_nb.compat.xmlrpc",
    "pathos.xmlrpc.server": "pathos_nb.compat.xmlrpc",
}


PYINA = {
    "pyina": "pathos_nb.compat.pyina",
    "pyina.ez_map": "pathos_nb.compat.ez_map",
    "pyina.launchers": "pathos_nb.compat.pyina_launchers",
    "pyina.mappers": "pathos_nb.compat.pyina_mappers",
    "pyina.mpi": "pathos_nb.compat.pyina_mpi",
    "pyina.mpi_pool": "pathos_nb.compat.pyina_mpi_pool",
    "pyina.mpi_scatter": "pathos_nb.compat.pyina_mpi_scatter",
    "pyina.schedulers": "pathos_nb.compat.pyina_schedulers",
    "pyina.tools": "pathos_nb.compat.pyina_tools",
}
"""Where each module of pyina 0.3.2 is here."""


def why_not(module: str) -> str:
    """Say why a module of pathos or pyina is not here.

    Parameters
    ----------
    module : str
        Its full name there.

    Returns
    -------
    str
        One sentence.
    """
    return f"pathos_nb has nothing by the name {module}"
