"""A run as one HTML file that needs nothing else: no network, no script, no kernel.

Everything that comes from outside is escaped, and the file forbids scripts and addresses by a policy of its own.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from pathos_nb.dispatch.failed import describe, tidy
from pathos_nb.dispatch.lanes import lanes_svg
from pathos_nb.dispatch.record import duration
from pathos_nb.dispatch.spans import as_columns
from pathos_nb.dispatch.tables import Cell, html_pre, html_table, html_text, rows_of, short
from pathos_nb.dispatch.timeline import Timeline
from pathos_nb.errors import Cancelled, Failure
from pathos_nb.launchers.failing import text_of

__all__ = ["Report", "page"]

_N_TEXT = 160
_PLAIN = ("worker", "host", "error")  # columns of ours, whose texts are no values
_N_ROWS, _N_FAILED, _N_PRINTED, _N_LANES, _N_SPANS = 2000, 200, 100_000, 200, 3000
_COLORS = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
:root { color-scheme: light dark }
body { font: 14px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 22px; margin: 0 } h2 { font-size: 16px; margin: 1.8em 0 .4em }
table { font-size: 13px; font-variant-numeric: tabular-nums }
th, td { padding: 2px 14px 2px 0; text-align: left; vertical-align: top } th { opacity: .7; font-weight: 600 }
.wide { overflow-x: auto } img { max-width: 100% } .faint { opacity: .7 } pre { overflow: auto }
.picture { background: #fff; display: inline-block; padding: 4px; border-radius: 4px }
@media print { details[open] summary ~ * { max-height: none } }
"""


@dataclass(frozen=True, slots=True)
class Report:
    """What a report is made of.

    Parameters
    ----------
    title, summary : str
        Its head.
    facts : mapping
        The run's figures.
    columns : mapping
        The table.
    values : sequence
        The values; a `Failure` where there is none.
    run : Run or EndedRun
        The record.
    label : callable
        From an index to what the point is called.
    code : str
        What was run.
    environment : mapping
        With what.
    pictures : sequence of bytes
        PNG.
    parts : sequence of (str, str)
        More: headings and HTML that is safe as it stands.
    """

    title: str
    summary: str
    facts: Mapping[str, Any]
    columns: Mapping[str, Sequence[Any]]
    values: Sequence[Any]
    run: Any
    label: Callable[[int], str]
    code: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[bytes] = ()
    parts: Sequence[tuple[str, str]] = ()


def page(report: Report) -> str:
    """Give the file.

    Parameters
    ----------
    report : Report
        What is in it.

    Returns
    -------
    str
        A whole HTML document; long tables are cut, and say so.
    """
    title = html_text(report.title)
    sections = [
        ("", f'<h1>{title}</h1><div class="faint">{html_text(report.summary)}</div>'),
        ("Figures", _pairs({key: _fact(key, value) for key, value in report.facts.items()})),
        ("Values", "".join(map(_picture, report.pictures))),
        ("Workers", _lanes(report)),
        ("What failed", _failures(report)),
        ("Points", _points(report)),
        ("What was printed", _printed(report)),
        *report.parts,
        ("Code", html_pre(html_text(report.code)) if report.code else ""),
        ("Environment", _pairs(report.environment)),
    ]
    body = "\n".join(f"<section>{_heading(name)}{inner}</section>" for name, inner in sections if inner)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n<body>\n{body}\n'
        "</body></html>\n"
    )


def _heading(name: str) -> str:
    return f"<h2>{escape(name)}</h2>" if name else ""


def _fact(key: str, value: Any) -> str:
    if key in ("seconds", "work_seconds"):
        return duration(float(value))
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _pairs(told: Mapping[str, Any]) -> str:
    rows = [[Cell(str(key).replace("_", " ")), Cell(str(value))] for key, value in told.items() if value != ""]
    return html_table(("", ""), rows) if rows else ""


def _picture(raw: bytes) -> str:
    return f'<div class="picture"><img alt="plot" src="data:image/png;base64,{base64.b64encode(raw).decode()}"></div>'


def _lanes(report: Report) -> str:
    """Draw what the workers did, and list them."""
    began = min((chunk.started for chunk in report.run.chunks if chunk.n_items), default=None)
    if began is None:
        return ""
    timeline = Timeline(began)
    failed = dict(report.run.failures)  # a record that was pickled has them here only
    for chunk in report.run.chunks:
        timeline.take(chunk._replace(failures=tuple(failed[i] for i in chunk.indices if i in failed)))
    lanes, moved, n_more = timeline.folded(_N_LANES)
    spans = as_columns(timeline.spans.copied(_N_SPANS, moved))
    elapsed = max(spans["end_s"], default=0.0)
    drawn: Any = {"lanes": lanes, "spans": spans, "figures": {"elapsed_s": elapsed}}
    data = base64.b64encode(lanes_svg(drawn).encode()).decode()
    rows = [
        [Cell(w["worker"]), Cell(w["host"], note=w["machine"]), Cell(f"{w['n_items']:,}"),
         Cell(_busy(w["busy_s"], elapsed))]
        for w in lanes
    ]  # fmt: skip
    rest = f'<div class="faint">{n_more:,} of the workers share the last row</div>' if n_more else ""
    picture = f'<img alt="what each worker did, over time" src="data:image/svg+xml;base64,{data}">'
    return picture + html_table(("worker", "host", "points", "busy"), rows) + rest


def _busy(busy_s: float, elapsed_s: float) -> str:
    return f"{duration(busy_s)}, {min(1.0, busy_s / elapsed_s):.0%}" if elapsed_s > 0 else duration(busy_s)


def _failures(report: Report) -> str:
    failed = [v for v in report.values if isinstance(v, Failure) and not isinstance(v.error, Cancelled)]
    parts = [_failure(report, failure) for failure in failed[:_N_FAILED]]
    rest = len(failed) - len(parts)
    return "".join(parts) + (f'<div class="faint">{rest:,} more are in the record</div>' if rest > 0 else "")


def _failure(report: Report, failure: Failure) -> str:
    where = f"{failure.worker} on {failure.host}" if failure.worker else ""
    head = f"<b>{html_text(report.label(failure.index))}</b> {html_text(describe(failure))} {html_text(where)}"
    told = tidy(failure.traceback) or text_of(failure.error)
    return f"<details><summary>{head}</summary>{html_pre(html_text(told))}</details>"


def _points(report: Report) -> str:
    names = list(report.columns)
    wanted = (i for i, value in enumerate(report.values) if isinstance(value, Failure))

    def row(index: int) -> list[Cell]:
        return [_cell(name, report.columns[name][index]) for name in names]

    n = len(report.values)
    rest = f'<div class="faint">of {n:,} points; the record has all</div>' if n > _N_ROWS + 2 else ""
    return f'<div class="wide">{html_table(names, rows_of(report.values, _N_ROWS, row, wanted))}</div>{rest}'


def _cell(name: str, value: Any) -> Cell:
    if value is None:
        return Cell("")
    if name in _PLAIN and isinstance(value, str):
        return Cell(value if len(value) <= _N_TEXT else f"{value[: _N_TEXT - 1]}…")
    return Cell(duration(value) if name == "seconds" and isinstance(value, float) else short(value))


def _printed(report: Report) -> str:
    room, parts, n_more = _N_PRINTED, list[str](), 0
    for chunk in report.run.chunks:
        for index, text in chunk.output:
            kept = text[: max(0, room)]
            room, n_more = room - len(kept), n_more + len(text) - len(kept)
            if kept:
                parts.append(f"<b>{html_text(report.label(int(index)))}</b>\n{html_text(_COLORS.sub('', kept))}")
    rest = f"\n<i>{n_more:,} more characters</i>" if n_more else ""
    return html_pre("\n".join(part.rstrip("\n") for part in parts) + rest) if parts else ""
