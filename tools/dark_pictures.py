"""Show the dark one of two pictures to who reads the documentation in the dark.

An extension of Sphinx: a picture ``x.png`` that has ``x-dark.png`` beside it is shown as the one or the other, as the
theme Furo is light or dark. The pages name the light one only, so that they are read as well where they lie.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

__all__ = ["DarkPictures", "setup"]


class DarkPictures(SphinxTransform):
    """Put the dark picture beside the light one."""

    default_priority = 400  # before Sphinx looks which pictures there are

    def apply(self, **_: Any) -> None:
        """Do it in one page."""
        folder = Path(self.env.doc2path(self.env.docname)).parent
        for light in list(self.document.findall(nodes.image)):
            uri = Path(light["uri"])
            dark_uri = uri.with_stem(f"{uri.stem}-dark")
            if "://" in light["uri"] or not (folder / dark_uri).is_file():
                continue
            dark = light.deepcopy()
            dark["uri"] = dark_uri.as_posix()
            light["classes"].append("only-light")
            dark["classes"].append("only-dark")
            light.parent.insert(light.parent.index(light) + 1, dark)


def setup(app: Sphinx) -> dict[str, Any]:
    """Begin."""
    app.add_transform(DarkPictures)
    return {"parallel_read_safe": True}
