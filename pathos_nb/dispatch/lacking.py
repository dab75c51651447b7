"""What a host has not got: the module that went missing there, and how to bring it there."""

from __future__ import annotations

import sys

from pathos_nb.errors import CannotSend
from pathos_nb.launchers.agent_context import is_installed
from pathos_nb.launchers.contract import Slot
from pathos_nb.typed import NamedTuple

__all__ = ["Lacking", "lacking"]

_KIND, _MISSING = "ModuleNotFoundError: ", r".*?(?:No module named|import of) '?([\w.]+)'?"
_PACKAGES = {  # modules whose package has another name, which is easily guessed wrong
    "bs4": "beautifulsoup4", "cv2": "opencv-python-headless", "dateutil": "python-dateutil", "PIL": "pillow",
    "skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "pyyaml",
}  # fmt: skip


class Lacking(NamedTuple):
    """A module that a host has not got, and the remedy."""

    what: str
    cure: str
    host: str

    def at(self, index: int) -> CannotSend:
        """Give the error of the item that needed it."""
        return CannotSend(self.what, cure=self.cure, index=index, host=self.host)


def lacking(slot: Slot, summary: str) -> Lacking | None:
    """Say which module a host has not got, if that is what went wrong.

    Parameters
    ----------
    slot : Slot
        The worker that said so.
    summary : str
        The exception's type and text.

    Returns
    -------
    Lacking or None
        None where it is something else, or the worker has this Python.
    """
    if not slot.python or not summary.startswith(_KIND):
        return None
    import re

    found = re.match(_MISSING, summary.removeprefix(_KIND))
    if found is None:
        return None
    module = found[1]
    host = f"{slot.place} ({slot.host})" if slot.host not in ("", slot.place) else slot.place
    what = f"{host} has no module {module!r}, which is needed there"
    return Lacking(what, _cure(module.partition(".")[0], slot), slot.host)


def _cure(top: str, slot: Slot) -> str:
    beside = _own_place(top)
    if beside:
        return f"it lies here, at {beside}, and is too large to travel along: copy it there (%pathos copy)"
    command = f"{slot.python} -m pip install {_PACKAGES.get(top, top)}"
    return f"install it there: {command}, or name another Python that has it (python=, --python)"


def _own_place(top: str) -> str:
    """Give where a module of the user's own lies; nothing if it is none."""
    place = getattr(sys.modules.get(top), "__file__", None)
    return place if isinstance(place, str) and not is_installed(place) else ""
