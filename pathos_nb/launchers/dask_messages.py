"""What a pool and its stations in dask's workers say besides an agent's messages.

=========  =========  ======================================================================================
kind       direction  fields
=========  =========  ======================================================================================
BY_FUTURE  down       (name, meta): a frame for the slot's worker, whose payload comes as what a task depends on
DROP       down       (name,): that payload is not needed any more
=========  =========  ======================================================================================
"""

from __future__ import annotations

BY_FUTURE, DROP = 64, 65

POLL_S = 2.0
"""After how long without news a station says so: by then it must know whether anybody listens."""
STAND_S = 0.2
"""How often a task that stands for a busy worker looks whether it still is."""
