"""What an initializer of a script or notebook has set: functions that come later find it, as in one interpreter.

Code of ``__main__`` travels by value, and each payload has global names of its own. So that the usual way to give each
worker something of its own ::

    def start(path):
        global data
        data = load(path)

is seen by the functions that are mapped afterwards, the names that the initializer has set, or whose value it has
changed, go before those that a function brought with it. All other names are, as ever, those of the call.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from pathos_nb.launchers.codec import ByValue
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.serialization import Payload, carries_code, dump

__all__ = ["Initialized"]

_CLOUDPICKLE = "cloudpickle.cloudpickle"
_NAMELESS = object()
_WHOLE = (int, float, complex, bool, str, bytes, type(None), type, ModuleType, FunctionType, BuiltinFunctionType)


class Initialized:
    """Loads an initializer, notes what it does to its global names, and has them found by what is loaded later."""

    dump = staticmethod(dump)

    def __init__(self) -> None:
        self._loaded: list[dict[str, Any]] = []
        self._before: list[dict[str, tuple[Any, Any]]] = []
        self._names: dict[str, dict[str, Any]] = {}

    def load_initializer(self, frame: Frame) -> Any:
        """Give the initializer and its arguments."""
        loaded = _Loading(frame, on_namespace=self._note).load()
        self._before = [{name: (value, _look_of(value)) for name, value in _own(each)} for each in self._loaded]
        return loaded

    def _note(self, namespace: dict[str, Any]) -> None:
        if not any(each is namespace for each in self._loaded):
            self._loaded.append(namespace)

    def keep(self) -> bool:
        """Keep what the initializer has set, now that it has run; tell whether there is any."""
        for namespace, before in zip(self._loaded, self._before, strict=True):
            changed = {name: value for name, value in _own(namespace) if _is_changed(value, before.get(name))}
            if changed:
                self._names.setdefault(namespace.get("__name__", "__main__"), {}).update(changed)
        self._loaded, self._before = [], []
        return bool(self._names)

    def load(self, frame: Frame) -> Any:
        """Give the object of a frame; functions in it find what the initializer has set."""
        if not carries_code(frame.body):
            return ByValue.load(frame)
        return _Loading(frame, on_function=self._tell).load()

    def _tell(self, function: Any) -> None:
        namespace = getattr(function, "__globals__", None)
        if namespace is not None and (known := self._names.get(namespace.get("__name__"))):
            namespace.update(known)


class _Loading(pickle.Unpickler):
    """Loads a frame, and tells of functions that are made.

    Parameters
    ----------
    frame : Frame
        What is loaded.
    on_namespace : callable, optional
        Takes the global names of a function that is being made; they are not all there yet.
    on_function : callable, optional
        Takes a function, once it has its names.
    """

    def __init__(
        self,
        frame: Frame,
        on_namespace: Callable[[dict[str, Any]], None] | None = None,
        on_function: Callable[[Any], None] | None = None,
    ) -> None:
        super().__init__(io.BytesIO(frame.body), buffers=frame.buffers)
        self._on_namespace, self._on_function = on_namespace, on_function

    def find_class(self, module: str, name: str) -> Any:
        """Give what a pickle names; see `pickle.Unpickler.find_class`."""
        found = super().find_class(module, name)
        if module == _CLOUDPICKLE and name == "_make_function" and self._on_namespace is not None:
            return self._making(found, self._on_namespace)
        if module == _CLOUDPICKLE and name == "_function_setstate" and self._on_function is not None:
            return self._naming(found, self._on_function)
        return found

    @staticmethod
    def _making(make: Callable[..., Any], tell: Callable[[dict[str, Any]], None]) -> Callable[..., Any]:
        def make_function(code: Any, names: dict[str, Any], *more: Any) -> Any:
            tell(names)
            return make(code, names, *more)

        return make_function

    @staticmethod
    def _naming(name: Callable[..., Any], tell: Callable[[Any], None]) -> Callable[..., Any]:
        def set_state(function: Any, state: Any) -> Any:
            named = name(function, state)
            tell(function)
            return named

        return set_state


def _own(namespace: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in namespace.items() if not name.startswith("__")]


def _look_of(value: Any) -> Any:
    """Give something that differs once the value has been changed in its place."""
    if isinstance(value, _WHOLE):
        return None
    try:
        payload: Payload = dump(value)
    except Exception:  # who cannot be looked at counts as changed
        return _NAMELESS
    return bytes(payload.body), [bytes(each) for each in payload.buffers]


def _is_changed(value: Any, before: tuple[Any, Any] | None) -> bool:
    if before is None or value is not before[0]:
        return True
    look = _look_of(value)
    return look is _NAMELESS or bool(look != before[1])
