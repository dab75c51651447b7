"""What is wanted of `typing` at run time, without it: a script's first map and a worker's start would wait for it.

``typing`` imports ``re`` and more, and its `NamedTuple` compiles each annotation of each field, a quarter of a
millisecond a class. A type checker sees the real ones.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, NamedTuple, Protocol
else:
    from collections import namedtuple

    Any = ClassVar = Protocol = object

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


__all__ = ["Any", "ClassVar", "NamedTuple", "Protocol"]
