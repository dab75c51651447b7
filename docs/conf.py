"""How the documentation is built: ``make docs``."""

from __future__ import annotations

import pathos_nb

project = "pathos_nb"
author = "the pathos_nb developers"
version = release = pathos_nb.__version__
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_title = project
suppress_warnings = ["myst.xref_missing"]  # performance.md has anchors of HTML, which GitHub and browsers find
