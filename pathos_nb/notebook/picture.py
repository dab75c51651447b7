"""The picture of a run at one moment: as HTML for a cell, as text, as one line. Pure functions of a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pathos_nb.dispatch.record import duration
from pathos_nb.dispatch.tables import BAD, FAINT, GOOD, html_pre, html_text
from pathos_nb.notebook.ansi import as_html, as_text

__all__ = ["Snapshot", "as_bundle", "as_line", "html", "text"]

_BLUE = "#3b82f6"
_N_WORKERS, _N_FAILURES, _N_OPEN, _BAR = 16, 8, 12, 30
_N_LATEST, _N_CHARACTERS = 5, 500
_BOX = "display:inline-block;border-radius:3px"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run at one moment.

    Parameters
    ----------
    title : str
        What the run is called.
    state : str
        ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
    n_done, n_failed : int
        Finished items, and those of them that failed.
    total : int or None
        All items, if that is known.
    seconds : float
        Since the start, until the end.
    rate : float
        Items a second, lately; over the whole run when it is over.
    workers : sequence of (str, int)
        Each worker's name and how many items it has finished.
    failures : sequence of (str, str)
        The first failures: item and error.
    output : sequence of (str, str)
        What items printed: item and text.
    n_cut : int
        Characters of output that are not shown.
    pictures : sequence of (str, str, str)
        What items showed: item, MIME type and base64.
    n_pictures : int
        How many they showed, also of those that were not kept.
    waits : sequence of str
        Which places it waits for or does without, each a sentence.
    inner : sequence of (str, str)
        Maps inside of items: item, and how far it is.
    n_inner : int
        How many there are, also of those that are not shown.
    profile : str
        Where the time went, as HTML; once the run is over, if it is profiled.
    seen_at : str
        When that was, in words.
    """

    title: str
    state: str
    n_done: int
    n_failed: int
    total: int | None
    seconds: float
    rate: float
    workers: Sequence[tuple[str, int]] = ()
    failures: Sequence[tuple[str, str]] = ()
    output: Sequence[tuple[str, str]] = ()
    n_cut: int = 0
    pictures: Sequence[tuple[str, str, str]] = ()
    n_pictures: int = 0
    waits: Sequence[str] = ()
    inner: Sequence[tuple[str, str]] = ()
    n_inner: int = 0
    profile: str = ""
    seen_at: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def part(self) -> float:
        """How much is done, from 0 to 1."""
        return self.n_done / self.total if self.total else float(self.is_over)

    @property
    def is_cut_short(self) -> bool:
        """Whether it ended before everything was done."""
        return self.is_over and self.total is not None and self.n_done < self.total

    @property
    def left_s(self) -> float | None:
        """Seconds that are left if it goes on like this; None if nobody can know."""
        if self.is_over or self.total is None or self.rate <= 0:
            return None
        return (self.total - self.n_done) / self.rate


def as_bundle(shot: Snapshot) -> dict[str, str]:
    """Give the picture in the forms that a front end chooses from.

    Parameters
    ----------
    shot : Snapshot
        The moment.

    Returns
    -------
    dict
        ``text/html`` and ``text/plain``. Of a run that goes on both say when that was: a notebook may be saved with
        it, and a kernel may end.
    """
    said = "" if shot.is_over or not shot.seen_at else f"still going on at {shot.seen_at}"
    if not said:
        return {"text/html": html(shot), "text/plain": text(shot)}
    note = f'<div class="pathos-nb-seen" style="font-size:11px;{FAINT}">{html_text(said)}</div>'
    return {"text/html": html(shot, note=note), "text/plain": f"{text(shot)}\n  {said}"}


def as_line(shot: Snapshot) -> str:
    """Give the figures in one line.

    Parameters
    ----------
    shot : Snapshot
        The moment.

    Returns
    -------
    str
        Without a line's end.
    """
    return "; ".join([f"{shot.title}: {' · '.join(_figures(shot))}", *shot.waits])


def text(shot: Snapshot) -> str:
    """Give the picture as plain text.

    Parameters
    ----------
    shot : Snapshot
        The moment.

    Returns
    -------
    str
        Some lines.
    """
    full = round(shot.part * _BAR)
    lines = [f"{'█' * full}{'░' * (_BAR - full)} {as_line(shot)}"]
    lines += [f"  {label}: {error}" for label, error in shot.failures[:_N_FAILURES]]
    lines += [f"  {label} › {said}" for label, said in shot.inner]
    lines += [f"  … {rest:,} more maps inside of items"] if (rest := shot.n_inner - len(shot.inner)) > 0 else []
    lines += [_said(label, as_text(printed).rstrip("\n")) for label, printed in shot.output]
    return "\n".join([*lines, *([f"  … {shot.n_cut:,} more characters were printed"] if shot.n_cut else [])])


def _said(label: str, printed: str) -> str:
    lines = printed.split("\n")
    return f"  {label}: {printed}" if len(lines) == 1 else "\n    ".join([f"  {label}:", *lines])


def html(shot: Snapshot, lanes: str = "", note: str = "") -> str:
    """Give the picture as HTML without script, style sheet or SVG.

    Parameters
    ----------
    shot : Snapshot
        The moment.
    lanes : str
        What the workers did, as HTML; by default, how many items each has done.
    note : str
        What stands below, as HTML.

    Returns
    -------
    str
        One ``<div>``; everything in it is escaped.
    """
    figures = html_text(" · ".join(_figures(shot)))
    head = f"<div>{_bar(shot)} <b>{html_text(shot.title)}</b> <span>{figures}</span></div>"
    parts = [_waits(shot), lanes or _lanes(shot), *(draw(shot) for draw in (_failed, _inner, _printed, _shown))]
    return f'<div class="pathos-nb-run">{head}{"".join(parts)}{note}</div>'


def _figures(shot: Snapshot) -> list[str]:
    done = f"{shot.n_done:,}" + (f"/{shot.total:,}" if shot.total is not None else "")
    parts = [done, f"{shot.n_failed:,} failed" if shot.n_failed else "", _speed(shot.rate), duration(shot.seconds)]
    if shot.left_s is not None:
        parts.append(f"{duration(shot.left_s)} left")
    parts.append("cancelled" if shot.state == "cancelled" else "stopped" if shot.is_cut_short else "")
    return [part for part in parts if part]


def _speed(rate: float) -> str:
    if rate <= 0:
        return ""
    if rate >= 10:
        return f"{rate:,.0f}/s"
    return f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"


def _bar(shot: Snapshot) -> str:
    # Only the part counts: 100 % of nothing is an empty bar, not a full one.
    width, bad = 100 * shot.part, 100 * shot.part * (shot.n_failed / shot.n_done if shot.n_done else 0)
    is_whole = shot.state == "done" or shot.n_done == shot.total  # the same rule as labextension/src/bar.ts
    color = GOOD if is_whole else "#b8860b" if shot.is_over else _BLUE
    good = _fill(width - bad, color) + (_fill(bad, BAD) if bad else "")
    look = f"{_BOX};width:240px;height:10px;overflow:hidden;background:rgba(128,128,128,0.25);white-space:nowrap"
    return f'<span class="pathos-nb-bar" style="{look};font-size:0;line-height:0;vertical-align:middle">{good}</span>'


def _fill(percent: float, color: str) -> str:
    look = f"display:inline-block;height:10px;width:{percent:.2f}%;background-color:{color}"
    return f'<span style="{look}"></span>'


def _waits(shot: Snapshot) -> str:
    return "".join(f'<div class="pathos-nb-waits" style="color:{BAD}">{html_text(line)}</div>' for line in shot.waits)


def _lanes(shot: Snapshot) -> str:
    if not shot.workers:
        return ""
    shown = [f"{html_text(name)} <b>{n:,}</b>" for name, n in shot.workers[:_N_WORKERS]]
    rest = len(shot.workers) - len(shown)
    more = f" and {rest} more" if rest > 0 else ""
    return f'<div style="font-size:12px;{FAINT}">{" · ".join(shown)}{more}</div>'


def _failed(shot: Snapshot) -> str:
    if not shot.failures:
        return ""
    rows = [f"{html_text(label)}: {html_text(error)}" for label, error in shot.failures[:_N_FAILURES]]
    rest = shot.n_failed - len(rows)
    rows += [f"… {rest:,} more: %pathos errors"] if rest > 0 else []
    return f'<div style="font-size:12px;color:{BAD}">{"<br>".join(rows)}</div>'


def _inner(shot: Snapshot) -> str:
    """List the maps inside of items: those that go on are seen, what is over is folded."""
    if not shot.inner:
        return ""
    rows = [f"{html_text(label)} › {html_text(said)}" for label, said in shot.inner]
    rest = shot.n_inner - len(rows)
    rows += [f"… {rest:,} more"] if rest > 0 else []
    many = f"{shot.n_inner:,} map{'' if shot.n_inner == 1 else 's'} inside of items"
    look = "font-size:12px;cursor:pointer"
    is_open = "" if shot.is_over else " open"
    inner = f'<div style="font-size:12px;{FAINT}">{"<br>".join(rows)}</div>'
    return f'<details class="pathos-nb-inner"{is_open}><summary style="{look}">{many}</summary>{inner}</details>'


def _printed(shot: Snapshot) -> str:
    """Show what items printed: folded at the end; before, the latest lines, as a fold would not stay open."""
    if not shot.output:
        return ""
    many = f"output of {len(shot.output)} points" if len(shot.output) > 1 else f"output of {shot.output[0][0]}"
    if not shot.is_over:
        latest = [f"<b>{html_text(label)}</b> {as_html(_last_line(said))}" for label, said in shot.output[-_N_LATEST:]]
        return f'<div style="font-size:12px">{html_text(many)}, the latest:</div>{html_pre("<br>".join(latest))}'
    parts = [f"<b>{html_text(label)}</b>\n{as_html(printed)}" for label, printed in shot.output]
    parts += [f"<i>… {shot.n_cut:,} more characters were printed</i>"] if shot.n_cut else []
    inner = "\n".join(part.rstrip("\n") for part in parts)
    look = "font-size:12px;cursor:pointer"
    is_open = " open" if inner.count("\n") < _N_OPEN else ""  # a few lines need no click
    return f'<details{is_open}><summary style="{look}">{html_text(many)}</summary>{html_pre(inner)}</details>'


def _shown(shot: Snapshot) -> str:
    """Show the pictures, once: they are large, and the run's picture is drawn many times."""
    if not shot.is_over or not shot.pictures:
        return ""
    box = "display:inline-block;vertical-align:top;margin:4px 12px 4px 0;font-size:12px"
    look = "display:block;max-width:100%;background:#fff"
    parts = [
        f'<div style="{box}"><b>{html_text(label)}</b>'
        f'<img style="{look}" alt="{html_text(label)}" src="data:{html_text(kind)};base64,{html_text(data)}"></div>'
        for label, kind, data in shot.pictures
    ]
    rest = shot.n_pictures - len(parts)
    parts += [f'<div style="font-size:12px;{FAINT}">… {rest:,} more pictures were shown</div>'] if rest > 0 else []
    return f'<div class="pathos-nb-pictures">{"".join(parts)}</div>'


def _last_line(said: str) -> str:
    return said.rstrip("\n").rpartition("\n")[2][-_N_CHARACTERS:]
