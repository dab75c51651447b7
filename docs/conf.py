"""How the documentation is built: ``make docs``."""

from __future__ import annotations

import sys
from pathlib import Path

import pathos_nb

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
from notebook_pages import write_pages  # noqa: E402 - it lies in tools/

project = "pathos_nb"
author = "the pathos_nb developers"
copyright = author
version = release = pathos_nb.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "dark_pictures"]
exclude_patterns = ["_build"]
html_title = f"{project} {release}"
html_theme = "furo"  # light and dark, as the reader has it
html_static_path: list[str] = []
highlight_language = "python"
myst_heading_anchors = 3
autodoc_typehints = "none"  # numpydoc's sections have them in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
suppress_warnings = [
    "myst.xref_missing",  # performance.md has anchors of HTML, which GitHub and browsers find
    "misc.highlighting_failure",  # cells have magics, which are no Python
]

write_pages(HERE.parent / "notebooks", HERE / "notebooks")
