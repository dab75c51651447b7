"""How code of a script or notebook is pickled: by cloudpickle, and what that loses or only names, by value as well.

* A class with ``__slots__`` keeps them; cloudpickle's copy of it has a ``__dict__`` instead, and what is made of that
  cannot come back to the class.
* A class that comes back to where it was made is left alone: what it is there may have changed meanwhile. Elsewhere it
  becomes what it was when it was sent, without what it no longer has.
* A function behind `functools.lru_cache` or `functools.singledispatch` goes along, as any other function; a cache is
  empty where it arrives.
* A lock that its thread may take again (`threading.RLock`, which a `functools.cached_property` has before Python 3.12)
  arrives free; dill makes one that nobody holds and nobody can take.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterable
from enum import EnumMeta
from types import FunctionType, MemberDescriptorType
from typing import Any
from weakref import WeakKeyDictionary

import cloudpickle

__all__ = ["CodePickler"]


class CodePickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
    """Pickles code of ``__main__``, and code that stands in no module, by value."""

    def reducer_override(self, obj: Any) -> Any:
        """Give how an object is pickled; see `pickle.Pickler.reducer_override`."""
        kind = type(obj)
        if kind is _CACHED:
            return NotImplemented if _is_importable(obj) else _of_cached(obj)
        if kind is _RLOCK:
            return threading.RLock, ()
        if kind is FunctionType and "registry" in obj.__dict__ and not _is_importable(obj) and _is_generic(obj):
            return _generic, (obj.dispatch(object), list(obj.registry.items()))
        reduced = super().reducer_override(obj)
        if (
            isinstance(obj, type)
            and isinstance(reduced, tuple)
            and len(reduced) == _OF_CLASS
            and not isinstance(obj, EnumMeta)
        ):
            return _of_class(obj, reduced)
        return reduced


def _is_importable(obj: Any) -> bool:
    """Whether a worker finds it by its name."""
    if obj.__module__ == "__main__":
        return False
    found: Any = sys.modules.get(obj.__module__)
    for name in obj.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is obj


def _of_cached(obj: Any) -> tuple[Any, ...]:
    parameters = obj.cache_parameters()
    own = {name: value for name, value in vars(obj).items() if name not in ("__wrapped__", "cache_parameters")}
    return _cached, (obj.__wrapped__, parameters["maxsize"], parameters["typed"]), own


def _cached(function: Callable[..., Any], maxsize: int | None, typed: bool) -> Any:
    return functools.lru_cache(maxsize, typed)(function)


def _is_generic(obj: Any) -> bool:
    return {"register", "dispatch", "__wrapped__"} <= set(vars(obj))


def _generic(function: Callable[..., Any], kinds: Iterable[tuple[type, Callable[..., Any]]]) -> Any:
    generic = functools.singledispatch(function)
    for kind, each in kinds:
        generic.register(kind, each)
    return generic


def _of_class(kind: type, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """Have a class made with its slots, which must be said as it is made, and tell where it is from."""
    make, (constructor, name, bases, namespace, *more), (attributes, slots), *_ = reduced
    if "__slots__" in vars(kind) and not (
        issubclass(kind, tuple) and "_fields" in vars(kind)
    ):  # a named tuple's are set
        namespace = {**namespace, "__slots__": kind.__slots__}  # type: ignore[attr-defined]
    own = {key: value for key, value in attributes.items() if key != "__slots__" and not _is_slot(value)}
    origin = _ORIGINS.get(kind) or _this_process()
    return make, (constructor, name, bases, namespace, *more), (own, slots, origin), None, None, _renew


def _renew(kind: type, state: tuple[dict[str, Any], dict[str, Any], str]) -> type:
    """Give a class the attributes that it has where it is from; here it stays what it is."""
    attributes, slots, origin = state
    if origin == _this_process():
        return kind
    _ORIGINS[kind] = origin
    for name, value in list(vars(kind).items()):
        if name not in attributes and not name.startswith(("__", "_abc_")) and not _is_slot(value):
            delattr(kind, name)
    renewed: type = cloudpickle.cloudpickle._class_setstate(kind, (attributes, slots))
    return renewed


def _is_slot(value: object) -> bool:
    return type(value) is MemberDescriptorType


def _this_process() -> str:
    return f"{_NAME}-{os.getpid()}"  # a fork has the same name


_NAME = os.urandom(8).hex()
_ORIGINS: WeakKeyDictionary[type, str] = WeakKeyDictionary()
_OF_CLASS = 6  # parts: how a class is made, and what is set then; others are named
_RLOCK = type(threading.RLock())
_CACHED = type(functools.lru_cache(_is_importable))
