"""A drawing as Vega-Lite, which JupyterLab renders without any extension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pathos_nb.dispatch.using.drawing import Drawing, Panel, Scale

__all__ = ["MIME", "altair_chart", "spec_of"]

MIME = "application/vnd.vegalite.v5+json"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"  # a name; nobody fetches it
_TYPES = {"number": "quantitative", "time": "temporal", "name": "nominal"}
_GREY = "#808080"  # to be read on white and on black
_LINES = {"labelColor": _GREY, "titleColor": _GREY}
_LOOK = {
    "background": "transparent",
    "axis": {**_LINES, "gridColor": _GREY, "gridOpacity": 0.2, "domainColor": _GREY, "tickColor": _GREY},
    "legend": _LINES,
    "title": {"color": _GREY, "subtitleColor": _GREY},
    "view": {"stroke": None},
}
_WIDE, _HIGH, _SMALL = 480, 280, 220


def altair_chart(drawing: Drawing) -> Any:
    """Give the chart.

    Parameters
    ----------
    drawing : Drawing
        What to draw.

    Returns
    -------
    altair.Chart or altair.ConcatChart

    Raises
    ------
    ImportError
        altair is not installed.
    """
    import altair

    library: Any = altair  # parts of it carry no types
    return _whole(library, drawing, [library.Data(values=_rows(drawing, panel)) for panel in drawing.panels])


def _whole(altair: Any, drawing: Drawing, data: Sequence[Any]) -> Any:
    is_many = len(drawing.panels) > 1
    pairs = zip(drawing.panels, data, strict=True)
    charts = [_chart(altair, drawing, panel, altair.Chart(each), is_many) for panel, each in pairs]
    title = altair.TitleParams(drawing.title, subtitle=drawing.note or altair.Undefined, anchor="start")
    if not is_many:
        return charts[0].properties(title=title)
    beside = altair.concat(*charts, columns=drawing.n_across)
    return beside.resolve_scale(color=_shared(drawing)).properties(title=title)


def _rows(drawing: Drawing, panel: Panel) -> list[dict[str, Any]]:
    if drawing.color is None:
        return [{"x": x, "y": y} for x, y in zip(panel.x, panel.y, strict=True)]
    return [{"x": x, "y": y, "c": c} for x, y, c in zip(panel.x, panel.y, panel.color, strict=True)]


def _chart(altair: Any, drawing: Drawing, panel: Panel, chart: Any, is_small: bool) -> Any:
    marked = {
        "line": lambda: chart.mark_line(point=True),
        "scatter": lambda: chart.mark_point(filled=True, opacity=0.8),
        "bar": lambda: chart.mark_bar(),
        "heat": lambda: chart.mark_rect(),
    }[drawing.kind]()
    is_heat = drawing.kind == "heat"
    across = altair.X("x", **_channel(altair, drawing.x, is_heat))
    measured = Scale(panel.measure)
    up = altair.Y("y", **_channel(altair, drawing.y if drawing.is_map else measured, is_heat, is_up=True))
    if not drawing.is_map:
        up = up.scale(**_heights(drawing, panel.measure))
    shown = {"x": across, "y": up, "tooltip": _tooltip(altair, drawing)}
    if drawing.color is not None:
        told = measured if drawing.is_map else drawing.color
        shown["color"] = altair.Color("c", **_channel(altair, told, False, is_color=True))
    size = (_SMALL, _SMALL * 3 // 4) if is_small else (_WIDE, _HIGH)
    made = marked.encode(**shown).properties(width=size[0], height=size[1])
    return made.properties(title=panel.title) if panel.title else made


def _heights(drawing: Drawing, measure: str) -> dict[str, Any]:
    """Give panels of one measure the same height, so that they can be compared; bars stand on zero."""
    is_bar = drawing.kind == "bar"
    same = [panel for panel in drawing.panels if panel.measure == measure]
    values = [value for panel in same for value in panel.y] + [0] * is_bar
    if len(same) < 2 or min(values) == max(values):
        return {"zero": is_bar}
    return {"domain": [min(values), max(values)], "nice": True}


def _shared(drawing: Drawing) -> Literal["shared", "independent"]:
    """Share the colours of a parameter; what was measured has its own in each panel."""
    return "independent" if drawing.is_map and len({panel.measure for panel in drawing.panels}) > 1 else "shared"


def _channel(altair: Any, scale: Scale, is_heat: bool, *, is_up: bool = False, is_color: bool = False) -> Any:
    kind = "ordinal" if is_heat else _TYPES[scale.kind]
    told: dict[str, Any] = {"type": kind, "title": scale.name}
    if kind == "ordinal":
        told["sort"] = "descending" if is_up and scale.kind == "number" else "ascending"
        if scale.kind == "name":
            told["sort"] = list(scale.order)
        elif scale.kind == "number":
            told["axis"] = altair.Axis(format=".3~g", labelOverlap=True)
    elif kind == "nominal":
        told["sort"] = list(scale.order) or altair.Undefined
    elif kind == "quantitative":
        told["scale"] = altair.Scale(type="log" if scale.is_log else "linear", zero=False)
        told |= {"axis": altair.Axis(tickCount=6, format="~g")} if scale.is_log and not is_color else {}
        if is_color:
            told["scale"] = altair.Scale(scheme="viridis")
    return told


def _tooltip(altair: Any, drawing: Drawing) -> list[Any]:
    told = [("x", drawing.x), ("y", drawing.y), *([("c", drawing.color)] if drawing.color is not None else [])]
    return [altair.Tooltip(field, type=_TYPES[scale.kind], title=scale.name) for field, scale in told]


def spec_of(drawing: Drawing) -> dict[str, Any]:
    """Give a drawing's specification, said to be of the version that JupyterLab draws by itself.

    Parameters
    ----------
    drawing : Drawing
        What to draw.

    Returns
    -------
    dict
        Data included; nothing in it is fetched from anywhere.

    Raises
    ------
    ImportError
        altair is not installed.

    Notes
    -----
    altair checks every row that it is given, a second for a few thousand: so it is given names, and the rows, which are
    known to be plain, are put in their place.
    """
    import altair

    named = [altair.NamedData(name=f"panel{place}") for place in range(len(drawing.panels))]
    spec: dict[str, Any] = _whole(altair, drawing, named).to_dict()
    for part, panel in zip(spec.get("concat", [spec]), drawing.panels, strict=True):
        part["data"] = {"values": _rows(drawing, panel)}
    return {**spec, "$schema": _SCHEMA, "config": _LOOK}
