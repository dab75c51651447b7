"""Objects as bytes that are the same in every kernel: what the keys of points are made of.

Written by kind, each with a tag and its length, so that no two values look alike. Never `repr` (which leaves out the
middle of an array), never Python's `hash` (which is drawn anew in each kernel), never a plain pickle (whose memo tells
which strings happen to be one, and whose sets come in any order). That two parts of a value are one and the same list,
dict or array is told: what is written into the one is then seen in the other.

An object of a kind that is not known here is written as what pickle would make it of: its class, its arguments and its
state. A worker sees no more of it than that. What cannot be pickled has no key.
"""

from __future__ import annotations

import contextlib
import copyreg
import functools
import hashlib
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
)
from typing import Any

from pathos_nb.dispatch.store.code import class_parts, code_parts, function_parts, imports_of, is_by_name, name_of
from pathos_nb.dispatch.store.modules import Modules
from pathos_nb.errors import CannotKey
from pathos_nb.launchers.sourced import Sourced
from pathos_nb.sharing import Shared

__all__ = ["Writer", "digest"]

_LARGE_BYTES = 1 << 16
_DEEPEST = 150
_DESCRIPTORS = tuple(
    {type(str.upper), type(str.__add__), type("".__add__), type(dict.__dict__["fromkeys"]), type(int.real)}
)
_HELD = {
    property: ("fget", "fset", "fdel"), staticmethod: ("__func__",), classmethod: ("__func__",),
    functools.cached_property: ("func", "attrname"),
}  # fmt: skip
_CHANGING = frozenset((list, dict, set, bytearray))  # and arrays: what is written into one of them stays in it
_Parts = dict[int, tuple[int, Any]]
_OF_A_TYPE_NAME = "__bound__", "__constraints__", "__supertype__"


def digest(value: object) -> bytes:
    """Give 32 bytes that stand for a value, in this kernel and in every other.

    Parameters
    ----------
    value : object
        Data, functions and classes, in any mixture.

    Returns
    -------
    bytes
        Equal for values that a worker cannot tell apart.

    Raises
    ------
    CannotKey
        Something in it has no content that could be written down.
    """
    writer = Writer()
    writer.write(value)
    return writer.digest()


class Writer:
    """Writes objects into a hash.

    Parameters
    ----------
    modules : Modules, optional
        What is known of modules already.
    """

    def __init__(self, modules: Modules | None = None) -> None:
        self._hash = hashlib.sha256()
        self._modules = modules or Modules()
        self._numbers: dict[int, int] = {}  # functions and classes of the notebook, by their first mention
        self._inside: dict[int, int] = {}  # containers that are being written: a circle is told by its depth
        self._parts: _Parts | None = {}  # lists, dicts, arrays of one value, by their first mention; it keeps them
        self._large: dict[int, bytes] = {}
        self._kept: list[Any] = []  # what the tables above know by its id has to live on
        self._trail: list[str] = []

    def digest(self) -> bytes:
        """Give the hash of what was written so far."""
        return self._hash.digest()

    def write(self, value: Any) -> None:
        """Write an object.

        Parameters
        ----------
        value : object
            Anything.

        Raises
        ------
        CannotKey
            It has no content that could be written down.
        """
        kind = type(value)
        simple = _SIMPLE.get(kind)
        if simple is not None:
            self._put(*simple(value))
            return
        if id(value) in self._inside:
            self._put(b"@", self._inside[id(value)].to_bytes(4, "big"))
            return
        if len(self._inside) > _DEEPEST:
            raise self._refusal("is nested too deeply")
        if not self._inside:
            self._parts = {}
        if (kind in _CHANGING or kind.__name__ == "ndarray") and self._is_part_again(value):
            return
        self._inside[id(value)] = len(self._inside)
        try:
            _KINDS.get(kind, _other)(self, value)
        finally:
            del self._inside[id(value)]

    def _put(self, tag: bytes, body: bytes = b"") -> None:
        self._hash.update(b"%b%d:" % (tag, len(body)) + body)

    def _is_part_again(self, value: Any) -> bool:
        """Write a part of this value that was written before as that one; say whether it was."""
        if self._parts is None:
            return False
        known = self._parts.get(id(value))
        if known is None:
            self._parts[id(value)] = len(self._parts), value
            return False
        self._put(b"I", known[0].to_bytes(4, "big"))
        return True

    def _named(self, name: str, value: Any) -> None:
        """Write what a function or a class brings along; parts that two names have in common do not tell."""
        self._trail.append(name)
        self._put(b"=", name.encode())
        with self._parts_of({}):
            self.write(value)
        self._trail.pop()

    @contextlib.contextmanager
    def _parts_of(self, parts: _Parts | None) -> Iterator[None]:
        before, self._parts = self._parts, parts
        try:
            yield
        finally:
            self._parts = before

    def _all(self, tag: bytes, values: Iterable[Any], n: int) -> None:
        self._put(tag, n.to_bytes(8, "big"))
        for value in values:
            self.write(value)

    def _refusal(self, why: str) -> CannotKey:
        where = ", which uses ".join(dict.fromkeys(self._trail))
        return CannotKey(f"{where or 'a value'} {why}")

    # containers

    def _sequence(self, value: Any) -> None:
        self._all(b"T" if type(value) is tuple else b"L", value, len(value))

    def _mapping(self, value: Mapping[Any, Any]) -> None:
        self._put(b"D", len(value).to_bytes(8, "big"))
        for key, each in value.items():
            self.write(key)
            self.write(each)

    def _set(self, value: Any) -> None:
        parts = sorted(map(self._apart, value))
        self._put(b"S" if type(value) is set else b"Z", b"".join(parts))

    def _apart(self, value: Any) -> bytes:
        """Give the hash of an element of a set, whose order must not tell."""
        writer = Writer(self._modules)
        writer._trail = self._trail
        writer.write(value)
        return writer.digest()

    # arrays

    def _array(self, value: Any) -> None:
        kind = value.dtype
        if kind.hasobject:
            self._put(b"O", str(value.shape).encode())
            self._all(b"L", value.ravel().tolist(), value.size)
            return
        if _has_gaps(kind):  # what lies in them is nobody's
            self._put(b"U", f"{kind.names}{value.shape}".encode())
            for name in kind.names:
                self._array(value[name])
            return
        order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else ""
        self._put(b"A", f"{kind.descr if kind.names else kind.str}{value.shape}{order}".encode())
        self._bytes_of(value, value.nbytes)

    def _bytes_of(self, value: Any, n_bytes: int) -> None:
        known = self._large.get(id(value))
        if known is None:
            known = hashlib.sha256(_flat(value)).digest()
            if n_bytes > _LARGE_BYTES:
                self._large[id(value)] = known
                self._kept.append(value)
        self._put(b"#", known)

    # code

    def _function(self, value: FunctionType) -> None:
        if is_by_name(value):
            self._by_name(value)
        elif id(value) in self._numbers:
            self._put(b"&", self._numbers[id(value)].to_bytes(4, "big"))
        else:
            self._number(value)
            self._put(b"F")
            for name, part in function_parts(value):
                self._named(name, part)
            self._put(b".")

    def _class(self, value: type) -> None:
        if is_by_name(value):
            self._by_name(value)
        elif id(value) in self._numbers:
            self._put(b"&", self._numbers[id(value)].to_bytes(4, "big"))
        else:
            self._number(value)
            self._put(b"C", value.__name__.encode())
            for name, part in class_parts(value):
                self._named(name, part)
            self._put(b".")

    def _number(self, value: Any) -> None:
        self._numbers[id(value)] = len(self._numbers)
        self._kept.append(value)

    def _code(self, value: CodeType) -> None:
        self._put(b"K")
        for part in code_parts(value):
            self.write(part)
        for name in sorted(self._modules.beside(imports_of(value))):
            self._module_named(name)

    def _by_name(self, value: Any) -> None:
        module, name = name_of(value)
        self._module_named(module)
        self._put(b"N", name.encode())

    def _module(self, value: ModuleType) -> None:
        self._module_named(value.__name__)

    def _module_named(self, name: str) -> None:
        told = self._modules.told(name)
        if told is None:
            raise self._refusal(f"is of the module {name}, which is in no file")
        self._put(b"M", told)

    def _builtin(self, value: Any) -> None:
        owner = value.__self__
        if owner is None or isinstance(owner, ModuleType):
            self._by_name(value)
        else:
            self._put(b"B", value.__name__.encode())
            self.write(owner)

    def _method(self, value: MethodType) -> None:
        self._put(b"B", b"")
        self.write(value.__func__)
        self.write(value.__self__)

    def _descriptor(self, value: Any) -> None:
        self._put(b"Y", value.__name__.encode())
        self.write(getattr(value, "__objclass__", type(value)))

    def _holder(self, value: Any) -> None:
        names = _HELD[type(value)]
        self._put(b"P", type(value).__name__.encode())
        for name in names:
            self.write(getattr(value, name))

    # objects

    def _reduced(self, value: Any) -> None:
        """Write what pickle would make it of."""
        try:
            made = _reduce(value)
        except CannotKey:
            raise
        except Exception:  # whatever the object's own pickling raises
            raise self._refusal(f"is a {type(value).__name__}, whose content nothing tells") from None
        if isinstance(made, str):
            self._global(value, made)
            return
        function, arguments, state, items, pairs = (*made, None, None, None)[:5]
        self._put(b"R")
        with self._parts_of(None):  # containers that it made for this
            self.write(function)
            self.write(tuple(arguments))
            self.write(state)
            self._all(b"L", found := list(items or ()), len(found))
            self._all(b"L", found := list(pairs or ()), len(found))

    def _global(self, value: Any, name: str) -> None:
        inner = getattr(value, "__wrapped__", None)
        module = getattr(value, "__module__", None) or "builtins"
        if inner is not None and module == "__main__":
            self._put(b"W", type(value).__name__.encode())
            self.write(inner)
            return
        if module == "__main__" and type(value).__module__ == "typing":  # a TypeVar, a NewType of the notebook
            self._put(b"V", f"{type(value).__name__} {name}".encode())
            self.write(tuple(getattr(value, part, None) for part in _OF_A_TYPE_NAME))
            return
        self._module_named(module)
        self._put(b"N", name.encode())


def _reduce(value: Any) -> Any:
    reduce = copyreg.dispatch_table.get(type(value))
    return reduce(value) if reduce is not None else value.__reduce_ex__(4)


def _flat(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return value
    numpy = sys.modules["numpy"]
    return numpy.ascontiguousarray(value).view(numpy.uint8).reshape(-1) if value.size else b""


def _has_gaps(kind: Any) -> bool:
    """Say whether the fields of a structured array leave bytes between them, or lie on each other."""
    if not kind.names:
        return False
    fields = [kind[name] for name in kind.names]
    return sum(field.itemsize for field in fields) != kind.itemsize or any(_has_gaps(field.base) for field in fields)


def _other(writer: Writer, value: Any) -> None:
    """Write what no table knows by its very type."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic) and not value.dtype.hasobject:
        writer._put(b"G", value.dtype.str.encode() + b"|" + value.tobytes())
    elif numpy is not None and type(value) is numpy.ndarray:
        writer._array(value)
    elif isinstance(value, type):
        writer._class(value)
    elif isinstance(value, ModuleType):
        writer._module(value)
    elif isinstance(value, _DESCRIPTORS):
        writer._descriptor(value)
    else:
        writer._reduced(value)


def _int(value: int) -> tuple[bytes, bytes]:
    return b"i", value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


_SIMPLE: Mapping[type, Callable[[Any], tuple[bytes, ...]]] = {
    type(None): lambda value: (b"n",),
    type(Ellipsis): lambda value: (b"e",),
    type(NotImplemented): lambda value: (b"x",),
    bool: lambda value: (b"t" if value else b"f",),
    int: _int,
    float: lambda value: (b"d", struct.pack(">d", value)),
    complex: lambda value: (b"c", struct.pack(">dd", value.real, value.imag)),
    str: lambda value: (b"s", value.encode("utf-8", "surrogatepass")),
    bytes: lambda value: (b"b", value),
    range: lambda value: (b"r", b"%d,%d,%d" % (value.start, value.stop, value.step)),
}

_KINDS: Mapping[type, Callable[[Writer, Any], None]] = {
    tuple: Writer._sequence,
    list: Writer._sequence,
    dict: Writer._mapping,
    MappingProxyType: Writer._mapping,
    bytearray: lambda writer, value: writer._put(b"a", bytes(value)),
    set: Writer._set,
    frozenset: Writer._set,
    FunctionType: Writer._function,
    CodeType: Writer._code,
    ModuleType: Writer._module,
    MethodType: Writer._method,
    BuiltinFunctionType: Writer._builtin,
    type: Writer._class,
    property: Writer._holder,
    staticmethod: Writer._holder,
    classmethod: Writer._holder,
    functools.cached_property: Writer._holder,
    Sourced: lambda writer, value: writer.write(value.function),
    Shared: lambda writer, value: writer.write(value.value),
}
