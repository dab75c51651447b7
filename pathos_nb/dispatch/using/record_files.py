"""The record of a run as JSON and as CSV, for programs that know nothing of this package."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pathos_nb.dispatch.record import Timing
from pathos_nb.dispatch.tables import short
from pathos_nb.dispatch.using.how import How
from pathos_nb.dispatch.using.plain_data import as_plain
from pathos_nb.errors import Failure

__all__ = ["FORMAT", "as_csv", "as_json", "facts"]

FORMAT, _VERSION = "pathos_nb record", 1
_CHARACTERS = 500


def facts(run: Any, timing: Timing, n_points: int) -> dict[str, Any]:
    """Give a run's figures.

    Parameters
    ----------
    run : Run or EndedRun
        The run.
    timing : Timing
        What it cost.
    n_points : int
        How many points it has.

    Returns
    -------
    dict
        Plain data; times in seconds, ``started`` as ISO 8601 in UTC.
    """
    return {
        "run_id": run.run_id,
        "title": run.title,
        "state": run.state,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(run.started_at)),
        "seconds": timing.seconds,
        "work_seconds": timing.work_seconds,
        "speedup": timing.speedup,
        "n_workers": timing.n_workers,
        "n_points": n_points,
        "n_done": run.n_done,
        "n_failed": run.n_failed,
    }


def as_json(
    told: Mapping[str, Any], names: Sequence[str], columns: Mapping[str, Sequence[Any]], rest: tuple[How, Any]
) -> str:
    """Give the record as JSON.

    Parameters
    ----------
    told : mapping
        From `facts`.
    names : sequence of str
        The parameters.
    columns : mapping
        The table.
    rest : tuple of How and sequence of Failure
        How it came to be, and what failed.

    Returns
    -------
    str
        One object: ``format``, ``version``, ``run``, ``parameters``, ``environment``, ``code``, ``points`` (one object
        for each) and ``failures`` (with tracebacks).
    """
    how, failures = rest
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    record = {
        "format": FORMAT,
        "version": _VERSION,
        "run": as_plain(dict(told)),
        "parameters": list(names),
        "environment": how.environment,
        "code": how.code,
        "points": [{name: as_plain(value) for name, value in row.items()} for row in rows],
        "failures": [_failure(failure) for failure in failures],
    }
    return json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1).encode("utf-8", "replace").decode() + "\n"


def _failure(failure: Failure) -> Any:
    return as_plain({**failure.to_json(), "index": int(failure.index)})


def as_csv(columns: Mapping[str, Sequence[Any]]) -> str:
    """Give the table as CSV.

    Parameters
    ----------
    columns : mapping
        The table.

    Returns
    -------
    str
        RFC 4180, in UTF-8 when written; an empty entry for what is not there, a short text for what is no number.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_entry(value) for value in row] for row in zip(*columns.values(), strict=True))
    return text.getvalue().encode("utf-8", "replace").decode()


def _entry(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    plain = as_plain(value)
    return plain if isinstance(plain, str | bool | int | float) else short(value, _CHARACTERS)
