"""``--verify K``: what is said of it, and what is raised."""

from __future__ import annotations

import sys

from pathos_nb.dispatch.results import Results

__all__ = ["check"]


def check(results: Results, k: int) -> None:
    """Compare some points with what they give in the notebook's own process.

    Parameters
    ----------
    results : Results
        Of a run that is over.
    k : int
        How many points.

    Raises
    ------
    NotTheSame
        They differ. The results are kept all the same.
    """
    found = results.verify(k)
    found.raise_if_different()
    sys.stdout.write(f"{found.verdict}\n")
