"""Functions and classes as their parts, without what changes from kernel to kernel: file names and line numbers.

A function of the notebook is its code, its constants, what it has captured and the globals that its code names, as they
are now; so a helper that is defined anew makes other keys for whoever calls it. What can be imported is its name and
its module, which `modules` tells.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

__all__ = ["class_parts", "code_parts", "function_parts", "imports_of", "is_by_name", "name_of"]

# Of a class: where it stands in its file, what Python makes of the rest by itself, and caches.
_NOT_OF_A_CLASS = {
    "__dict__", "__weakref__", "__module__", "__qualname__", "__firstlineno__", "__static_attributes__", "_abc_impl",
    "__annotate__", "__annotate_func__", "__annotations_cache__", "__dataclass_fields__", "__dataclass_params__",
    "__match_args__", "__abstractmethods__",
}  # fmt: skip
_LINE = "__firstlineno__"  # from Python 3.13 on, the line of a class is a constant of its body


def name_of(value: Any) -> tuple[str, str]:
    """Give the module and the name by which something can be imported.

    Parameters
    ----------
    value : function, class or builtin
        That.

    Returns
    -------
    tuple of str
        The module is ``builtins`` where it says none.
    """
    name = getattr(value, "__qualname__", None) or value.__name__
    return getattr(value, "__module__", None) or "builtins", name


def is_by_name(value: Any) -> bool:
    """Whether a function or class can be imported, and is that which one gets then.

    Parameters
    ----------
    value : function or class
        That.

    Returns
    -------
    bool
    """
    module, name = name_of(value)
    if module == "__main__":
        return False
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is value


def code_parts(code: CodeType) -> Iterator[Any]:
    """Give what a code object does, without where it stands.

    Parameters
    ----------
    code : code
        Of any function.

    Yields
    ------
    object
        Numbers, names, bytes and constants; inner code as it is.
    """
    yield code.co_name
    yield (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    yield code.co_code
    yield (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    yield getattr(code, "co_exceptiontable", b"")
    is_line_told = _LINE in code.co_names
    for constant in code.co_consts:
        yield None if is_line_told and constant == code.co_firstlineno else constant


def function_parts(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Give all that a function of the notebook brings to a worker.

    Parameters
    ----------
    function : function
        Which goes by value.

    Yields
    ------
    tuple of str and object
        What it is called, and it; global names in alphabetical order.
    """
    name = function.__name__
    yield name, function.__code__
    yield "defaults", function.__defaults__
    yield "keyword defaults", function.__kwdefaults__
    yield "attributes", {key: value for key, value in sorted(vars(function).items()) if key != "__wrapped__"}
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield variable, cell.cell_contents
        except ValueError:  # not bound yet
            yield variable, Ellipsis
    space = function.__globals__
    for variable in sorted(global_names(function.__code__)):
        if variable in space:
            yield variable, space[variable]


def global_names(code: CodeType) -> set[str]:
    """Give the names that code, and code inside of it, looks up in the module.

    Parameters
    ----------
    code : code
        Of any function.

    Returns
    -------
    set of str
    """
    import dis

    wanted = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
    names = {str(step.argval) for step in dis.get_instructions(code) if step.opname in wanted}
    return names.union(*(global_names(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


def imports_of(code: CodeType) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Give what code imports when it runs, without the code inside of it.

    Parameters
    ----------
    code : code
        Of any function or module.

    Yields
    ------
    tuple of int, str and tuple of str
        The level (dots), the module, and the names that are taken from it.
    """
    import dis

    if dis.opmap["IMPORT_NAME"] not in code.co_code[::2]:
        return
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    for i, step in enumerate(steps):
        if step.opname == "IMPORT_NAME":
            yield steps[i - 2].argval, str(step.argval), tuple(steps[i - 1].argval or ())


def class_parts(kind: type) -> Iterator[tuple[str, Any]]:
    """Give all that a class of the notebook brings to a worker.

    Parameters
    ----------
    kind : type
        Which goes by value.

    Yields
    ------
    tuple of str and object
        What it is called, and it; in alphabetical order.
    """
    yield f"the class {kind.__name__}", (type(kind), *kind.__bases__)
    slots = (GetSetDescriptorType, MemberDescriptorType)
    for name, value in sorted(vars(kind).items()):
        if name not in _NOT_OF_A_CLASS and not isinstance(value, slots):
            yield f"{kind.__name__}.{name}", value
