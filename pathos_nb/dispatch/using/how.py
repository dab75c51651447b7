"""How a result came to be: what a part of it may be run by again, and what a report says of it.

`How` is handed in by whoever begins the run. Code and surroundings are plain data and travel with the result; the
function, and whoever runs points again, stay in the kernel that they are of.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Protocol

from pathos_nb.dispatch.using.surroundings import surroundings

__all__ = ["How", "Sweep"]


class Sweep(Protocol):
    """What of a result its points need, to run again."""

    run: Any
    names: tuple[str, ...]
    points: Sequence[tuple[Any, ...]]

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...

    def forget(self) -> None:
        """Forget what was made of the run."""


@dataclass(frozen=True, slots=True)
class How:
    """How a result came to be.

    Parameters
    ----------
    function : callable, optional
        Called with the parameters of a point.
    seed : object
        The run's seed.
    again : callable, optional
        Runs points again, given their places, into the result that they belong to.
    post_mortem : callable, optional
        Lets the user look into a traceback.
    kept : callable, optional
        Gives the function that was kept on disk; asked where `function` is not there.
    told : mapping
        What is kept when the function is not there any more: ``code`` and ``environment``.
    """

    function: Callable[..., Any] | None = None
    seed: Any = None
    again: Callable[[Sequence[int]], Any] | None = None
    post_mortem: Callable[[TracebackType], Any] | None = None
    kept: Callable[[], Callable[..., Any]] | None = None
    told: Mapping[str, Any] = field(default_factory=dict)

    def ready(self) -> How:
        """Give it with its function, read from where it is kept if need be.

        Returns
        -------
        How
            Without a function still where none is kept.

        Raises
        ------
        PathosNbError
            It is kept, but cannot be read here; it says what to do.
        """
        if self.function is not None or self.kept is None:
            return self
        return replace(self, function=self.kept())

    @property
    def code(self) -> str:
        """The source of what was run, as far as it is known."""
        return str(self.told["code"]) if "code" in self.told else source_of(self.function)

    @property
    def environment(self) -> dict[str, str]:
        """What it was run with: Python, system, versions of the libraries that its code names."""
        return dict(self.told["environment"]) if "environment" in self.told else surroundings(self.function)

    def __reduce__(self) -> tuple[Any, ...]:
        told = {"code": self.code, "environment": self.environment}
        return How, (None, self.seed, None, None, None, told)


def source_of(function: Any) -> str:
    """Give the source of a function.

    Parameters
    ----------
    function : callable or None
        A cell's body, or any function.

    Returns
    -------
    str
        Empty where nobody knows it.
    """
    if function is None:
        return ""
    text = getattr(function, "source", None)
    if isinstance(text, str):
        return text
    try:
        return inspect.getsource(inspect.unwrap(function))
    except (OSError, TypeError, ValueError):
        return ""
