"""Whether a module that this process has imported is the one whose text lies in its file now.

A file may be edited after its module was imported: what runs is then not what the file says. A module does not keep
the text that was imported, so it is taken down when a module is first asked about, on its ``__spec__``, which a reload
makes anew; until then Python's cache of compiled modules tells, where there is one, since it is written at import. The
functions that live in the process are compared with those that the text has. A patched function, as autoreload leaves
it, is a function of the new text.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from pathos_nb.dispatch.store.code import code_parts, imports_of
from pathos_nb.errors import CannotKey

__all__ = ["Text", "check_runs", "held_codes", "text_of", "text_of_module"]

_ATTRIBUTE = "_pathos_nb_text"
_OF_A_FUNCTION = 0x1  # CO_OPTIMIZED: the bodies of modules and classes have it not
_WORD = 0xFFFFFFFF
_HELD = ("fget", "fset", "fdel", "__func__", "__wrapped__")


class Text(NamedTuple):
    """What is to be known of a module's text."""

    digest: str
    is_compared: bool
    functions: frozenset[bytes]
    frame: bytes
    imports: frozenset[tuple[int, str, tuple[str, ...]]]


def text_of(path: str, loader: Any = None, known: Text | None = None) -> Text:
    """Read a module's file.

    Parameters
    ----------
    path : str
        Where it is.
    loader : object, optional
        What has loaded it: another one than Python's own may have made other code of the text.
    known : Text, optional
        What was read last time: it is given back if nothing has changed.

    Returns
    -------
    Text

    Raises
    ------
    CannotKey
        It is no Python.
    """
    data = Path(path).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if known is not None and known.digest == digest:
        return known
    if not path.endswith(".py"):
        return Text(digest, False, frozenset(), b"", frozenset())
    try:
        code = compile(data, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise CannotKey(f"{Path(path).name} cannot be compiled: {error}") from None
    return _text_of_code(digest, code, type(loader) is SourceFileLoader)


def text_of_module(module: Any, path: str) -> Text:
    """Read the file of a module that is imported; quick where it was read before.

    Parameters
    ----------
    module : module
        Of the user's own.
    path : str
        Its file.

    Returns
    -------
    Text

    Raises
    ------
    CannotKey
        It is no Python.
    """
    return text_of(
        path, getattr(module, "__loader__", None), getattr(getattr(module, "__spec__", None), _ATTRIBUTE, None)
    )


def check_runs(module: Any, now: Text, held: Iterable[CodeType]) -> None:
    """Make sure that a module that is imported runs as its file says.

    Parameters
    ----------
    module : module
        Of the user's own.
    now : Text
        Its file's.
    held : iterable of code
        The functions that live in this process, as far as they are known.

    Raises
    ------
    CannotKey
        What runs is another text.
    """
    spec = getattr(module, "__spec__", None)
    seen: Text | None = getattr(spec, _ATTRIBUTE, None) or _as_imported(spec, now)
    codes = list(held)
    if seen is not None and seen is not now and not _is_patched(seen, now, codes):
        raise _changed(module.__file__)
    mine = (_shape(code) for code in codes if code.co_filename == module.__file__)
    if now.is_compared and not now.functions.issuperset(mine):
        raise _changed(module.__file__)
    if spec is not None:
        setattr(spec, _ATTRIBUTE, now)


def _as_imported(spec: Any, now: Text) -> Text | None:
    """Give the text that a module was imported from, where Python's own cache has it and the file is another now.

    The first time that a module is asked about nothing else tells: what it sets outside of functions cannot be compared
    with what lives in the process, as it may have been set anew since.
    """
    cached, path = getattr(spec, "cached", None), getattr(spec, "origin", None)
    if not now.is_compared or not cached or not path or sys.dont_write_bytecode:
        return None
    try:
        raw, found = Path(cached).read_bytes(), Path(path).stat()
        is_of_a_time = raw[:8] == MAGIC_NUMBER + bytes(4) and os.access(Path(cached).parent, os.W_OK)
        told = tuple(int.from_bytes(raw[at : at + 4], "little") for at in (8, 12))
        if not is_of_a_time or told == (int(found.st_mtime) & _WORD, found.st_size & _WORD):
            return None
        return _text_of_code("as it was imported", marshal.loads(raw[16:]))
    except (OSError, ValueError, EOFError, TypeError):
        return None


def _text_of_code(digest: str, code: CodeType, is_compared: bool = True) -> Text:
    functions = frozenset(map(_shape, _functions_in(code)))
    return Text(digest, is_compared, functions, _shape(code, True), frozenset(_imports_in(code)))


def _is_patched(seen: Text, now: Text, codes: list[CodeType]) -> bool:
    """Whether all that is new in a text lives in the process, though the module was not loaded anew."""
    return seen.frame == now.frame and (now.functions - seen.functions).issubset(map(_shape, codes))


def _changed(path: str) -> CannotKey:
    name = Path(path).name
    return CannotKey(f"{name} has changed since it was imported: reload it (importlib.reload) or restart the kernel")


def held_codes(module: Any, is_ours: Callable[[str], bool]) -> Iterator[CodeType]:
    """Give the code of the functions, and of the classes' methods, that a module holds.

    Parameters
    ----------
    module : module
        Of the user's own.
    is_ours : callable
        Whether a module of a name is of the user's own, too.

    Yields
    ------
    code
    """
    for value in list(vars(module).values()):
        if is_ours(str(_attribute(value, "__module__"))):
            yield from _codes_of(value, 3)


def _codes_of(value: Any, depth: int) -> Iterator[CodeType]:
    if isinstance(value, FunctionType):
        yield value.__code__
        if not vars(value):  # nothing is wrapped
            return
    inner = list(vars(value).values()) if isinstance(value, type) else [_attribute(value, name) for name in _HELD]
    for each in inner if depth else ():
        if each is not None:
            yield from _codes_of(each, depth - 1)


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception:  # a library's lazy object may raise anything
        return None


def _inner(code: CodeType) -> Iterator[CodeType]:
    return (each for each in code.co_consts if isinstance(each, CodeType))


def _functions_in(code: CodeType) -> Iterator[CodeType]:
    for each in _inner(code):
        if each.co_flags & _OF_A_FUNCTION:
            yield each
        else:
            yield from _functions_in(each)


def _imports_in(code: CodeType) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    yield from imports_of(code)
    for each in _inner(code):
        yield from _imports_in(each)


@lru_cache(maxsize=1 << 14)
def _shape(code: CodeType, is_frame: bool = False) -> bytes:
    """Give a digest of code without where it stands; of a frame, without the functions in it."""
    found = hashlib.sha256()
    for part in code_parts(code):
        if not isinstance(part, CodeType):
            text = repr(sorted(map(repr, part))) if isinstance(part, frozenset) else repr(part)
        elif is_frame and part.co_flags & _OF_A_FUNCTION:
            text = f"function {part.co_name}"
        else:
            text = _shape(part, is_frame).hex()
        found.update(f"{type(part).__name__} {len(text)} {text}".encode("utf-8", "surrogatepass"))
    return found.digest()
