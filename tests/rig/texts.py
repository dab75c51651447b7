"""Texts for properties."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["texts"]


def texts(max_size: int) -> st.SearchStrategy[str]:
    """Give texts of any characters but lone surrogates; `st.text` works out first what UTF-8 can say, for seconds."""
    return st.text(st.characters(exclude_categories=("Cs",)), max_size=max_size)
