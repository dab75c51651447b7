"""What an item shows, besides what it prints: in a worker ``display()`` and figures become data that travels.

A worker has no shell that could show anything: IPython's `display` would print ``<Figure size …>``. Once `install` was
called here (the notebook has it called in its workers), `display` writes what it is given as one frame among the
output of the item: pictures as they are, all else as text. IPython is not loaded for that; if an item loads it, or
matplotlib's inline backend does, its own `display` is put in order on the way.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from functools import cache

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

BEGIN, END = "\x1b_pathos-nb;", "\x1b\\"
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
MAX_CHARS = 700_000
_HOME = "IPython.core.display_functions"


def install() -> None:
    """Let this process' `display` send what it is given along with what the item prints."""
    if not hasattr(builtins, "display"):  # as IPython does for the cells of a notebook
        builtins.display = display  # type: ignore[attr-defined]
    if _HOME in sys.modules:
        _mend(sys.modules[_HOME])
    elif not any(isinstance(finder, _Watch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watch())


class _Watch:
    """Waits for IPython's `display` to be imported, by whomever; finds nothing itself."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _HOME:
            return None
        sys.meta_path.remove(self)
        spec: ModuleSpec | None = importlib.import_module("importlib.util").find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = _then_mend(spec.loader.exec_module)  # type: ignore[method-assign, assignment]
        return spec


def _then_mend(run: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    def run_and_mend(module: ModuleType) -> None:
        run(module)
        _mend(module)

    return run_and_mend


def _mend(module: ModuleType) -> None:
    for name, ours in (("display", display), ("publish_display_data", publish)):
        setattr(module, name, ours)


def display(*objects: Any, raw: bool = False, display_id: Any = None, **options: Any) -> Any:
    """Show objects with the item that runs, as IPython's `display` does in a cell.

    Parameters
    ----------
    *objects : object
        Anything; mappings of MIME types to data if `raw`.
    raw : bool
        Whether they are such mappings.
    display_id : str or True, optional
        Gives a handle; what it updates is shown anew.
    **options
        ``include`` and ``exclude`` of IPython; others are not looked at.

    Returns
    -------
    object
        None, or IPython's handle.
    """
    chosen = {name: options[name] for name in ("include", "exclude") if options.get(name)}
    for each in objects:
        publish(each if raw else _formatted(each, chosen))
    if not display_id:
        return None
    module = importlib.import_module(_HOME)
    return module.DisplayHandle(None if display_id is True else display_id)


def publish(data: Any = None, *_: Any, **__: Any) -> None:
    """Show data that has its MIME types already.

    Parameters
    ----------
    data : mapping
        MIME types to data; the first kind of picture that is among them is taken, and the text.
    """
    data = data or {}
    text = str(data.get("text/plain", ""))
    picture = next(((kind, _as_text(data[kind])) for kind in PICTURES if data.get(kind)), None)
    if picture is not None and len(picture[1]) <= MAX_CHARS:
        json = importlib.import_module("json")
        text = f"{BEGIN}{json.dumps([*picture, text])}{END}"
    elif picture is not None:
        text += f" (a picture of {len(picture[1]) // 1000:,} kB is too large to travel with the output; return it)"
    if text:
        sys.stdout.write(text + "\n")


def _as_text(data: Any) -> str:
    return importlib.import_module("base64").b64encode(data).decode() if isinstance(data, bytes) else str(data)


def _formatted(value: Any, chosen: dict[str, Any]) -> Any:
    try:
        data, _ = _formatter().format(value, **chosen)
    except ImportError:  # no IPython here
        return {"text/plain": repr(value)}
    return data


@cache
def _formatter() -> Any:
    formatter = importlib.import_module("IPython.core.formatters").DisplayFormatter()
    formatter.formatters["image/png"].for_type_by_name("matplotlib.figure", "Figure", _draw)
    return formatter


def _draw(figure: Any) -> Any:
    return importlib.import_module("IPython.core.pylabtools").print_figure(figure, "png", base64=True)
