"""Benchmarks: pathos_nb against its peers, as ratios, in one run.

::

    __main__ ── for each case ──► cases/NAME.py ── starts ──► one contender process a peer, each with a deadline
                                       │                        contender.py: cases/NAME.Far over peers/PEER.py
                                       ▼
                              Outcome: rows, bounds, goals ──► table on the screen · JSON · docs/performance.md

A peer that hangs is killed at its deadline and reported so; it never stops the run. The contenders of a case take
turns, so that what else the machine does falls on all of them alike.
"""
