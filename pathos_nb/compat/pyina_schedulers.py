"""pyina's schedulers: those of `pathos_nb.schedulers`, and the two older names that `ez_map` and its launchers take."""

from __future__ import annotations

from pathos_nb.schedulers import DEFAULTS as defaults
from pathos_nb.schedulers import Lsf, Moab, Scheduled, Scheduler, Torque

__all__ = [
    "Lsf", "Moab", "Scheduled", "Scheduler", "Torque", "all_schedulers", "defaults", "moab_scheduler",
    "torque_scheduler",
]  # fmt: skip


class torque_scheduler(Torque):  # noqa: N801 - pyina's name
    """A queue of Torque, with the words that say what starts the ranks in its jobs."""

    mpirun, srun, aprun, serial = "torque_mpirun", "torque_srun", "torque_aprun", "torque_serial"


class moab_scheduler(Moab):  # noqa: N801 - pyina's name
    """A queue of Moab, with the words that say what starts the ranks in its jobs."""

    mpirun, srun, aprun, serial = "moab_mpirun", "moab_srun", "moab_aprun", "moab_serial"


def all_schedulers() -> list[str]:
    """Give the names of the older schedulers."""
    return [f"schedulers.{kind.__name__}" for kind in (moab_scheduler, torque_scheduler)]
