"""A drawing by matplotlib: for pictures in files, and where altair is not there."""

from __future__ import annotations

import io
from typing import Any

from pathos_nb.dispatch.using.drawing import Drawing, Panel, Scale

__all__ = ["figure", "picture"]

_DPI = 110


def figure(drawing: Drawing) -> Any:
    """Give the figure.

    Parameters
    ----------
    drawing : Drawing
        What to draw.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot, so nothing has to close it.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    n = len(drawing.panels)
    n_across = drawing.n_across
    n_down = -(-n // n_across)
    size = (7.0, 4.2) if n == 1 else (3.1 * n_across + 0.6, 2.5 * n_down + 0.6)
    made = Figure(figsize=size, layout="constrained")
    grid = made.subplots(n_down, n_across, squeeze=False).ravel()
    for axes, panel in zip(grid, drawing.panels, strict=False):
        _draw(made, axes, drawing, panel)
    for axes in grid[n:]:
        axes.set_visible(False)
    _share_heights(drawing, grid)
    made.suptitle(_literal(f"{drawing.title}\n{drawing.note}" if drawing.note else drawing.title), fontsize=11)
    return made


def _share_heights(drawing: Drawing, grid: Any) -> None:
    """Give panels of one measure the same height, so that they can be compared."""
    for measure in () if drawing.is_map else {panel.measure for panel in drawing.panels}:
        same = [axes for axes, panel in zip(grid, drawing.panels, strict=False) if panel.measure == measure]
        ends = [axes.get_ylim() for axes in same]
        for axes in same:
            axes.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))


def _literal(text: str) -> str:
    return text.replace("$", r"\$")  # else it begins a formula, and an odd one is an error


def _draw(made: Any, axes: Any, drawing: Drawing, panel: Panel) -> None:
    axes.set_title(_literal(panel.title), fontsize=9)
    axes.set_xlabel(_literal(drawing.x.name))
    axes.set_ylabel(_literal(drawing.y.name if drawing.is_map else panel.measure))
    if drawing.kind == "heat":
        _heat(made, axes, drawing, panel)
        return
    if drawing.x.is_log:
        axes.set_xscale("log")
    if drawing.color is None or (drawing.kind == "scatter" and drawing.color.kind == "number"):
        _one(made, axes, drawing, panel)
        return
    for name in drawing.color.order or dict.fromkeys(panel.color):
        rows = [i for i, color in enumerate(panel.color) if color == name]
        _marks(axes, drawing, [panel.x[i] for i in rows], [panel.y[i] for i in rows], str(name))
    if panel is drawing.panels[min(drawing.n_across, len(drawing.panels)) - 1]:  # once, at the right
        axes.legend(title=_literal(drawing.color.name), fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _one(made: Any, axes: Any, drawing: Drawing, panel: Panel) -> None:
    if drawing.color is None:
        _marks(axes, drawing, panel.x, panel.y, None)
        return
    if drawing.y.is_log:
        axes.set_yscale("log")
    drawn = axes.scatter(panel.x, panel.y, c=panel.color, s=18)
    made.colorbar(drawn, ax=axes, label=_literal(panel.measure if drawing.is_map else drawing.color.name))


def _marks(axes: Any, drawing: Drawing, x: list[Any], y: list[Any], label: str | None) -> None:
    named = None if label is None else _literal(label)
    if drawing.kind == "bar":
        axes.bar([_literal(str(each)) for each in x], y, label=named)
        axes.tick_params(axis="x", rotation=30 if len(x) > 6 else 0)
    elif drawing.kind == "scatter":
        axes.scatter(x, y, s=18, label=named)
    else:
        pairs = list(zip(x, y, strict=True))
        pairs = sorted(pairs, key=lambda pair: pair[0]) if drawing.x.kind == "number" else pairs
        xs, ys = zip(*pairs, strict=True) if pairs else ((), ())
        axes.plot(xs, ys, marker="o", markersize=3, label=named)


def _heat(made: Any, axes: Any, drawing: Drawing, panel: Panel) -> None:
    across, up = _ticks(drawing.x, panel.x), _ticks(drawing.y, panel.y)
    cells = [[float("nan")] * len(across) for _ in up]
    for x, y, value in zip(panel.x, panel.y, panel.color, strict=True):
        cells[up[y]][across[x]] = value
    drawn = axes.imshow(cells, origin="lower", aspect="auto", cmap="viridis")
    _label(axes.set_xticks, list(across))
    _label(axes.set_yticks, list(up))
    made.colorbar(drawn, ax=axes, label=_literal(panel.measure))


def _ticks(scale: Scale, column: list[Any]) -> dict[Any, int]:
    there = set(column)
    return {value: place for place, value in enumerate(v for v in scale.order if v in there)}


def _label(set_ticks: Any, names: list[Any]) -> None:
    step = max(1, len(names) // 8)
    shown = range(0, len(names), step)
    told = [f"{v:.3g}" if isinstance(v, int | float) else _literal(str(v)) for v in names[::step]]
    set_ticks(list(shown), told, fontsize=8)


def picture(drawing: Drawing, kind: str = "png") -> bytes:
    """Give the figure as a file.

    Parameters
    ----------
    drawing : Drawing
        What to draw.
    kind : str
        ``png``, ``svg`` or ``pdf``.

    Returns
    -------
    bytes
        On white, so that it can be read anywhere.
    """
    raw = io.BytesIO()
    figure(drawing).savefig(raw, format=kind, dpi=_DPI, facecolor="white")
    return raw.getvalue()
