"""The notebook's side: magics, completion and the view of runs. The only folder that imports IPython."""

from __future__ import annotations

from pathos_nb.notebook.extension import load, unload

__all__ = ["load", "unload"]
