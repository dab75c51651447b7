"""What a cached call is known by: the same however its arguments are written, ``f(3)`` or ``f(x=3)``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pathos_nb.dispatch.store.keys import FunctionKey, function_key

__all__ = ["CallKeys"]

_Bound = tuple[tuple[Any, ...], dict[str, Any]]


class CallKeys:
    """Makes the keys of calls of one function, as it is now, with the same keywords each.

    Parameters
    ----------
    function : callable
        What is called.
    kwargs : mapping
        The keywords of all calls.
    seed : object, optional
        The map's.

    Notes
    -----
    Keywords are put at the places of their parameters, as far as these follow the arguments without a gap; defaults
    stand in the function's own part of the key.

    Raises
    ------
    CannotKey
        Something that the function brings along has no content that could be written down.
    """

    def __init__(self, function: Callable[..., Any], kwargs: Mapping[str, Any], seed: Any = None) -> None:
        self._function, self._kwargs, self._seed = function, dict(kwargs), seed
        self._as_written = function_key(function, kwargs, seed=seed)
        self._bound: dict[int, _Bound] = {}
        self._keys: dict[tuple[str, ...], FunctionKey] = {tuple(sorted(self._kwargs)): self._as_written}

    def key(self, args: Sequence[Any], index: int = 0) -> bytes:
        """Give the key of a call.

        Parameters
        ----------
        args : sequence
            Its arguments besides the keywords.
        index : int
            Its place, which counts where there is a seed.

        Returns
        -------
        bytes

        Raises
        ------
        CannotKey
            An argument has no content that could be written down.
        """
        if not self._kwargs:
            return self._as_written.point(args, index)
        if len(args) not in self._bound:
            self._bound[len(args)] = self._bind(len(args))
        more, left = self._bound[len(args)]
        names = tuple(sorted(left))
        if names not in self._keys:
            self._keys[names] = function_key(self._function, left, seed=self._seed)
        return self._keys[names].point((*args, *more), index)

    def _bind(self, n: int) -> _Bound:
        """Give the keywords that stand at places of their own after so many arguments, and those that do not."""
        try:
            bound = inspect.signature(self._function).bind(*range(n), **self._kwargs)
        except (TypeError, ValueError):  # the call says what is wrong with it; or nobody tells the parameters
            return (), self._kwargs
        return bound.args[n:], dict(bound.kwargs)
