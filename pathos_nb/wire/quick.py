"""What a worker's start would wait for, without the wait: `NamedTuple` without typing, the C pickler without pickle.py.

The standard library's modules of these names import ``re``, ``enum`` and more, which is a third of the time from a
worker's birth to its first item. A type checker sees the real ones.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pickle import PickleBuffer, dumps, loads
    from typing import NamedTuple
else:
    from collections import namedtuple

    try:
        from _pickle import PickleBuffer, dumps, loads
    except ImportError:  # a Python without the C module
        from pickle import PickleBuffer, dumps, loads

    class _Maker(type):
        def __new__(kind, name, bases, body):  # noqa: ANN001, ANN204 - seen by no type checker
            if not bases:
                return super().__new__(kind, name, bases, body)
            fields = body["__annotations__"]
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            for attribute, value in body.items():
                setattr(made, attribute, value)
            return made

    class NamedTuple(metaclass=_Maker):
        """As `typing.NamedTuple`: a class body with annotated fields makes a tuple with names."""


__all__ = ["NamedTuple", "PickleBuffer", "dumps", "loads"]
