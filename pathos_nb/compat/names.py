"""Where each module of pathos 0.3.5 is here."""

from __future__ import annotations

__all__ = ["HOMES", "LATER", "VERSION", "why_not"]

VERSION = "0.3.5"

HOMES = {
    "pathos": "pathos_nb.compat.facade",
    "pathos.abstract_launcher": "pathos_nb.abstract_launcher",
    "pathos.helpers": "pathos_nb.compat.helpers",
    "pathos.helpers.mp_helper": "pathos_nb.compat.helpers.mp_helper",
    "pathos.helpers.pp_helper": "pathos_nb.compat.helpers.pp_helper",
    "pathos.maps": "pathos_nb.compat.maps",
    "pathos.mp_map": "pathos_nb.compat.mp_map",
    "pathos.multiprocessing": "pathos_nb.multiprocessing",
    "pathos.parallel": "pathos_nb.parallel",
    "pathos.pools": "pathos_nb.pools",
    "pathos.pp": "pathos_nb.parallel",
    "pathos.pp_map": "pathos_nb.compat.pp_map",
    "pathos.profile": "pathos_nb.profile",
    "pathos.python": "pathos_nb.serial",
    "pathos.serial": "pathos_nb.serial",
    "pathos.server": "pathos_nb.server",
    "pathos.threading": "pathos_nb.threading",
    "pathos.util": "pathos_nb.compat.util",
}

LATER = frozenset(
    f"pathos.{name}" for name in ("connection", "core", "hosts", "portpicker", "secure", "selector", "xmlrpc")
)


def why_not(module: str) -> str:
    """Say why a module of pathos is not here.

    Parameters
    ----------
    module : str
        Its full name in pathos.

    Returns
    -------
    str
        One sentence.
    """
    if ".".join(module.split(".")[:2]) in LATER:
        return f"{module} works on other machines, which this version of pathos_nb does not do yet"
    return f"pathos_nb has nothing by the name {module}"
