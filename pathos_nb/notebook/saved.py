"""What stays of a run in its cell: a bundle that needs no kernel, no script and no trust.

A picture of the lanes, a table of the workers, what failed and what was printed as HTML; the same as text; and the
record, for front ends that can draw it themselves. Sanitizers strip ``<svg>``, so the picture is an ``<img>`` of one.
"""

from __future__ import annotations

import base64
import json
from html import escape
from typing import Any

from pathos_nb.dispatch.lanes import lanes_svg
from pathos_nb.dispatch.record import duration
from pathos_nb.dispatch.tables import FAINT, Cell, html_table, rows_of
from pathos_nb.dispatch.timeline import no_items
from pathos_nb.notebook.picture import Snapshot, html, text
from pathos_nb.wire.messages import RUN_MIME, Lane, RunRecord

__all__ = ["MOST_BYTES", "saved_bundle"]

MOST_BYTES = 200_000
_N_ROWS = 12


def saved_bundle(shot: Snapshot, record: RunRecord) -> dict[str, Any]:
    """Give what is left in the cell.

    Parameters
    ----------
    shot : Snapshot
        The run at its end.
    record : RunRecord
        The same, for programs.

    Returns
    -------
    dict
        By MIME type. The record is left out in the unlikely case that it is larger than 200 kB; single items before.
    """
    parts = _work(record) + shot.profile + _hint(_again(record))
    bundle: dict[str, Any] = {"text/html": html(shot, parts), "text/plain": _text(shot, record)}
    bare: RunRecord = {**record, "items": no_items()}
    if (fitting := next((each for each in (record, bare) if _size_of(each) <= MOST_BYTES), None)) is not None:
        bundle[RUN_MIME] = fitting
    return bundle


def _size_of(record: RunRecord) -> int:
    return len(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))


def _text(shot: Snapshot, record: RunRecord) -> str:
    lines = [text(shot)]
    if record["lanes"]:
        lines.append("  " + _summary(record))
    return "\n".join([*lines, *([f"  to run again what has no value: {again}"] if (again := _again(record)) else [])])


def _again(record: RunRecord) -> str:
    """Give the line that runs points without a value again; nothing if there are none, or they are not kept."""
    head, figures = record["head"], record["figures"]
    is_whole = not figures["n_failed"] and (figures["total"] is None or figures["n_done"] >= figures["total"])
    if is_whole or not head["can_retry"]:
        return ""
    name = head["title"] if head["title"].isidentifier() else head["run"]
    return f"%pathos rerun {name} --failed"


def _hint(line: str) -> str:
    look = f"font-size:12px;{FAINT}"
    return f'<div style="{look}"><code>{escape(line)}</code> runs again what has no value</div>' if line else ""


def _summary(record: RunRecord) -> str:
    figures = record["figures"]
    n, busy, elapsed = figures["n_slots"], figures["busy_s"], figures["elapsed_s"]
    said = f"{n} worker{'' if n == 1 else 's'}, {duration(busy)} of work"
    return f"{said}, {min(1.0, busy / (elapsed * n)):.0%} busy" if elapsed > 0 and n else said


def _work(record: RunRecord) -> str:
    """Draw what the workers did, and list them."""
    if not record["lanes"]:
        return ""
    svg, summary = lanes_svg(record), _summary(record)
    data = base64.b64encode(svg.encode()).decode()
    look = "display:block;width:100%;max-width:760px;margin:4px 0"
    picture = (
        f'<img class="pathos-nb-lanes" style="{look}" alt="{escape(summary)}" src="data:image/svg+xml;base64,{data}">'
    )
    table = html_table(("worker", "host", "items", "busy", ""), rows_of(record["lanes"], _N_ROWS, _row_of(record)))
    more = record["n_more_lanes"]
    rest = f'<div style="{FAINT}">{more:,} of the workers share the last row</div>' if more else ""
    head = f'<summary style="font-size:12px;cursor:pointer">{escape(summary)}</summary>'
    return f'{picture}<details style="font-size:12px">{head}{table}{rest}</details>'


def _row_of(record: RunRecord) -> Any:
    elapsed = record["figures"]["elapsed_s"]

    def row(number: int) -> list[Cell]:
        lane: Lane = record["lanes"][number]
        part = f"{min(1.0, lane['busy_s'] / elapsed):.0%}" if elapsed > 0 else ""
        gone = "" if lane["is_up"] else f"gone: {lane['reason']}"
        worked = [Cell(f"{lane['n_items']:,}"), Cell(f"{duration(lane['busy_s'])} {part}"), Cell(gone)]
        return [Cell(lane["worker"]), Cell(lane["host"], note=lane["machine"]), *worked]

    return row
