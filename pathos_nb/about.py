"""What this package is: its licence, and whom to cite."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

__all__ = ["citation", "citation_text", "installed_version", "license", "license_text"]

_CHECKOUT = Path(__file__).resolve().parents[1]
_KEPT_AT = ("licenses/LICENSE", "LICENSE")

_CITATION = """\
If pathos_nb is of use in your research, please cite it, with the version that you used:

    the pathos_nb developers, pathos_nb: pathos in the notebook, version {version}.

Names and ideas are those of pathos, whose authors ask for both of these:

    M.M. McKerns, L. Strand, T. Sullivan, A. Fang, M.A.G. Aivazis,
    "Building a framework for predictive science",
    Proceedings of the 10th Python in Science Conference, 2011;
    https://arxiv.org/abs/1202.1056

    Michael McKerns and Michael Aivazis,
    "pathos: a framework for heterogeneous computing", 2010- ;
    https://uqfoundation.github.io/project/pathos
"""


def license_text() -> str:
    """Give the licence, as it was installed with the package or lies beside it.

    Returns
    -------
    str
        The whole text; its name alone where the package was carried somewhere without it, as to a host.
    """
    beside = _CHECKOUT / "LICENSE"
    if beside.is_file() and (_CHECKOUT / "pyproject.toml").is_file():
        return beside.read_text(encoding="utf-8")
    return _installed_text() or "pathos_nb: BSD 3-Clause License\n"


def _installed_text() -> str:
    try:
        kept = metadata.distribution("pathos-nb")
    except metadata.PackageNotFoundError:
        return ""
    return next((text for name in _KEPT_AT if (text := kept.read_text(name))), "")


def citation_text(version: str) -> str:
    """Give what to cite.

    Parameters
    ----------
    version : str
        Of this package.

    Returns
    -------
    str
        Some lines.
    """
    return _CITATION.format(version=version)


def license() -> None:
    """Print under which licence this is."""
    sys.stdout.write(license_text())


def citation() -> None:
    """Print whom to cite: this package, and the papers about pathos, whose ideas it is made of."""
    sys.stdout.write(citation_text(installed_version()))


def installed_version() -> str:
    """Give the version of this package, which is written in its ``__init__`` alone."""
    front_door = sys.modules.get(__name__.partition(".")[0])
    return str(getattr(front_door, "__version__", "unknown"))
