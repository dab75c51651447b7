"""Sweeps that a batch queue computes, while no kernel need be there: written, submitted, found again, collected.

::

    kernel                                   shared folder, 0700                      node, one array task
      sweep ── order, points, package ──────► RUN/order, RUN/work-1, …  ◄──────────── runner ── Pool("processes")
      job's row in the store ── sbatch ─────────────── job script ──────────────────►   │
      collector ◄── what is new, atomic ───── RUN/results/…, RUN/tasks/…, RUN/log/… ◄───┘
          └── an ordinary Run: views, store, result

The store has the record before the queue has the job, so no job is without a record. What the runner writes is whole or
not there, and is told by its place: to read it twice, or in two kernels, does no harm.
"""
