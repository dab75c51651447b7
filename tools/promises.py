"""What is promised, and what holds each promise: tests by their names, and the long runs.

A holder is a file of tests, ``file::test``, or the name of a long run (see `tools/reliability.py`).
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LONG_RUNS", "SECTIONS", "Promise"]

LONG_RUNS = ("soak", "month", "fuzz", "kills")


class Promise(NamedTuple):
    """A row: what is promised, and what holds it."""

    text: str
    holders: tuple[str, ...]


def _of(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/{folder}{name}" for name in names)


_FAULTS = "faults/test_"
_RESULTS = (
    Promise("Whatever dies meanwhile, a map gives what a serial loop gives, in order, each once", ("soak",)),
    Promise(
        "An item that raises gives its own exception, with where and which argument",
        _of(_FAULTS, "items_that_raise.py"),
    ),
    Promise(
        "A worker that dies costs no other item; the one that kills workers is found, and fails alone",
        _of(_FAULTS, "items_that_kill.py"),
    ),
    Promise(
        "An item that meddles with its worker harms no neighbour and no later run", _of(_FAULTS, "items_that_meddle.py")
    ),
    Promise("What cannot travel is said by name, and nothing hangs", _of(_FAULTS, "objects_that_do_not_travel.py")),
    Promise("Inputs that raise, never end or are slow are pulled as needed", _of(_FAULTS, "input.py")),
    Promise("Maps inside of maps give the same, and never wait for themselves", _of(_FAULTS, "nesting.py")),
    Promise(
        "An interrupt stops a map soon, keeps what is finished, and leaves the pool well", _of(_FAULTS, "interrupt.py")
    ),
    Promise(
        "A killed kernel costs a sweep only the points in flight",
        (
            "kills",
            *_of("store/", "test_sweeps_in_kernels.py::test_a_kernel_that_is_killed_costs_the_points_in_flight_alone"),
        ),
    ),
    Promise(
        "A full disk, or a store that cannot be written, loses nothing of the map and is said",
        _of(
            "store/test_faults.py::",
            "test_a_full_disk_in_mid_run_loses_nothing_of_the_map_and_is_said",
            "test_on_a_full_disk_runs_can_be_forgotten_and_there_is_room_again",
            "test_a_folder_that_cannot_be_written_is_named",
        ),
    ),
    Promise(
        "Points that are the same by what they are made of are found again, others are not",
        _of("store/", "test_keys.py"),
    ),
    Promise(
        "A sweep in a queue is found again by a later kernel, and only what is missing is submitted anew",
        _of("detached/", "test_faults.py", "test_fates.py"),
    ),
)
_MACHINES = (
    Promise(
        "A link that is cut, an agent that is killed, a host that goes: each item is delivered, and once",
        _of("agent/", "test_link.py", "test_hosts.py"),
    ),
    Promise(
        "Tunnels, carriers and connections outlive a host that is killed and comes back",
        _of("remote/", "test_tunnel.py"),
    ),
    Promise(
        "A ppft server that is killed, stopped or lost costs no item",
        _of("rpc/", "test_parallel_pool.py", "test_through_tunnels.py"),
    ),
    Promise(
        "Slurm: lost nodes, time limits, a controller that is away are told, and the rest goes on",
        _of("slurm/", "test_pool.py"),
    ),
    Promise("MPI: a rank that dies costs its item alone", _of("mpi/", "test_faults.py", "test_groups.py")),
    Promise(
        "dask: a worker that is killed costs no result; nothing of ours stays on the cluster",
        _of("dask/", "test_faults.py"),
    ),
)
_REMAINS = (
    Promise("However the driver ends, no process, file or shared memory stays", _of(_FAULTS, "driver_ends.py")),
    Promise(
        "A month of use: under 1 kB a map, no descriptor, thread or process more; restarts leave nothing", ("month",)
    ),
    Promise(
        "Runs and pools leave nothing; lazy maps need bounded memory; what is used up is said",
        _of(_FAULTS, "exhaustion.py"),
    ),
)
_ATTACKS = (
    Promise("Every reader gives a value or an error of ours, soon and in little memory", ("fuzz",)),
    Promise(
        "Callers of a ppft server that are none are hung up on, and nothing of theirs is loaded",
        _of("rpc/", "test_rogue_callers.py"),
    ),
    Promise(
        "Servers that are none are left out in time, and nothing of theirs is loaded",
        _of("rpc/", "test_rogue_servers.py"),
    ),
    Promise(
        "A worker that says what no worker of ours would ends in a word, not in a hang",
        _of("", "faults/test_items_that_lie.py"),
    ),
    Promise(
        "What somebody in between changes, repeats or leaves out is found and not used",
        _of("", "rpc/test_in_between.py", "agent/test_rogues.py", "agent/test_envelopes.py", "rpc/test_wire.py"),
    ),
    Promise(
        "Nothing listens beyond loopback, and nothing at all for an agent",
        _of(
            "",
            "agent/test_hosts.py::test_no_port_listens_for_it",
            "rpc/test_server.py::test_it_listens_on_loopback_only_and_the_secret_is_in_no_argument_and_no_environment",
            "mpi/test_faults.py::test_nothing_listens_beyond_this_machine_and_ranks_share_the_cores",
        ),
    ),
    Promise(
        "Passwords and secrets are in no argument, environment, file, log or notebook",
        _of(
            "",
            "notebook/test_secrets.py",
            "remote/test_askpass.py",
            "notebook/test_hosts.py::test_a_password_is_asked_through_the_notebook_and_kept_nowhere",
            "joined/test_services.py::test_no_secret_is_to_be_seen_on_the_host",
            "slurm/test_pool.py::test_nothing_secret_stands_where_others_can_read_it",
        ),
    ),
    Promise(
        "An unknown key is refused, one that has changed always; certificates are verified",
        _of("remote/", "test_connecting.py", "test_host_certificates.py"),
    ),
    Promise(
        "Names, paths, output and texts of others stay text: in commands, views, saved notebooks",
        _of("", "remote/test_commands.py", "notebook/test_feed.py", "notebook/test_shown.py"),
    ),
    Promise(
        "Code of another Python is refused before it is loaded; another version is told in a word",
        _of("agent/", "test_versions.py"),
    ),
)
_SURROUNDINGS = (
    Promise(
        "Without numpy, fork, UTF-8, a home, shared memory or descriptors it works, or says why not",
        _of("environments/", "test_surroundings.py"),
    ),
    Promise("The installed package tries itself, every launcher that can be had", _of("", "test_self_test.py")),
    Promise("Every tutorial and notebook does what it says", _of("tutorials/", "test_pages.py", "test_notebooks.py")),
)

SECTIONS: dict[str, tuple[Promise, ...]] = {
    "Results": _RESULTS,
    "Other machines": _MACHINES,
    "What remains": _REMAINS,
    "Attacks and bad input": _ATTACKS,
    "Surroundings": _SURROUNDINGS,
}
