"""What is promised, and what holds each promise: tests by their names, and the long runs.

A holder is a file of tests, ``file::test``, or the name of a long run (see `tools/reliability.py`). Whatever the README
says is the promise of a row, in whose `says` some of its words stand, or one of those that are `NO_PROMISE`
(`tools/said.py`, `tests/test_reliability.py`).
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LONG_RUNS", "NO_PROMISE", "SECTIONS", "Promise", "quotes"]

LONG_RUNS = ("soak", "month", "fuzz", "kills", "matrix")


class Promise(NamedTuple):
    """A row: what is promised, what holds it, the words of the README that promise it, and what peers are tried at."""

    text: str
    holders: tuple[str, ...]
    says: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def _of(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/{folder}{name}" for name in names)


_FAULTS = "faults/test_"
_RESULTS = (
    Promise(
        "Whatever dies meanwhile, a map gives what a serial loop gives, in order, each once",
        ("soak",),
        (
            "Each item's result is delivered once",
            "stand in for the serial ones",
        ),
        beside=("worker_killed",),
    ),
    Promise(
        "An item that raises gives its own exception, with where and which argument",
        _of(_FAULTS, "items_that_raise.py"),
        ("gives an error that says which item, which argument and where",),
        beside=(
            "raising",
            "odd",
        ),
    ),
    Promise(
        "A worker that dies costs no other item; the one that kills workers is found, and fails alone",
        _of(_FAULTS, "items_that_kill.py"),
        (
            "the item fails alone and everything else is delivered",
            "The pool goes on either way",
        ),
        beside=("killing",),
    ),
    Promise(
        "An item that meddles with its worker harms no neighbour and no later run",
        _of(_FAULTS, "items_that_meddle.py"),
        beside=("exiting",),
    ),
    Promise(
        "What cannot travel is said by name, and nothing hangs",
        _of(_FAULTS, "objects_that_do_not_travel.py"),
        beside=(
            "unreturnable",
            "unsendable",
            "closure",
        ),
    ),
    Promise(
        "Inputs that raise, never end or are slow are pulled as needed", _of(_FAULTS, "input.py"), beside=("pulled",)
    ),
    Promise(
        "Maps inside of maps give the same, and never wait for themselves",
        _of(_FAULTS, "nesting.py"),
        ("Maps nest, hosts outside and their cores inside",),
        beside=("nested",),
    ),
    Promise(
        "An interrupt stops a map soon, keeps what is finished, and leaves the pool well",
        _of(_FAULTS, "interrupt.py"),
        beside=("interrupted",),
    ),
    Promise(
        "A killed kernel costs a sweep only the points in flight",
        (
            "kills",
            *_of("store/", "test_sweeps_in_kernels.py::test_a_kernel_that_is_killed_costs_the_points_in_flight_alone"),
        ),
        (
            "no finished point is lost",
            "What a cell has finished is kept on disk",
        ),
    ),
    Promise(
        "A full disk, or a store that cannot be written, loses nothing of the map and is said",
        (
            *_of(
                "store/test_faults.py::",
                "test_a_full_disk_in_mid_run_loses_nothing_of_the_map_and_is_said",
                "test_a_folder_that_cannot_be_written_is_named",
            ),
            *_of("store/", "test_disks.py"),
        ),
    ),
    Promise(
        "Points that are the same by what they are made of are found again, others are not",
        _of("store/", "test_keys.py"),
        ("only what is missing is computed; a changed body, helper or variable makes new points",),
    ),
    Promise(
        "A sweep in a queue is found again by a later kernel, and only what is missing is submitted anew",
        _of("detached/", "test_faults.py", "test_fates.py"),
        (
            "a sweep that needs no kernel",
            "go on in a cluster's queue without a kernel",
        ),
    ),
)
_MACHINES = (
    Promise(
        "A link that is cut, an agent that is killed, a host that goes: each item is delivered, and once",
        _of("agent/", "test_link.py", "test_hosts.py"),
        ("A host that goes down in the middle of a run costs no point",),
    ),
    Promise(
        "Tunnels, carriers and connections outlive a host that is killed and comes back",
        _of("remote/", "test_tunnel.py"),
        ("a local port that leads to one of the host, and mends itself",),
    ),
    Promise(
        "A ppft server that is killed, stopped or lost costs no item",
        _of("rpc/", "test_parallel_pool.py", "test_through_tunnels.py"),
    ),
    Promise(
        "Slurm: lost nodes, time limits, a controller that is away are told, and the rest goes on",
        _of("slurm/", "test_pool.py"),
        ("work from the first node on, the queue's reason in the run's view",),
    ),
    Promise(
        "MPI: a rank that dies costs its item alone",
        _of("mpi/", "test_faults.py", "test_groups.py"),
        ("workers that are MPI jobs, items that are MPI programs",),
    ),
    Promise(
        "dask: a worker that is killed costs no result; nothing of ours stays on the cluster",
        _of("dask/", "test_faults.py"),
        ("workers on any cluster of dask's",),
    ),
)
_REMAINS = (
    Promise(
        "However the driver ends, no process, file or shared memory stays",
        _of(_FAULTS, "driver_ends.py"),
        beside=("driver_killed",),
    ),
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
        "Who is no rank of MPI's is hung up on; a station of dask's that says what none would is left",
        _of("", "mpi/test_rogues.py", "dask/test_rogues.py"),
    ),
    Promise(
        "Nothing listens beyond loopback, and nothing at all for an agent; another user reads nothing",
        _of(
            "",
            "contract/test_doors.py",
            "agent/test_hosts.py::test_no_port_listens_for_it",
            "rpc/test_server.py::test_it_listens_on_loopback_only_and_the_secret_is_in_no_argument_and_no_environment",
            "mpi/test_faults.py::test_nothing_listens_beyond_this_machine_and_ranks_share_the_cores",
        ),
        ("no port is opened, and nothing is left running when the notebook ends",),
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
        ("passwords and unknown keys are asked there",),
    ),
    Promise(
        "Names, paths, output and texts of others stay text: in commands, views, saved notebooks",
        _of("", "remote/test_commands.py", "notebook/test_feed.py", "notebook/test_shown.py"),
    ),
    Promise(
        "Code of another Python is refused before it is loaded; another version is told in a word",
        _of("agent/", "test_versions.py"),
        ("code by value goes to workers of the same minor version",),
    ),
)
_SURROUNDINGS = (
    Promise(
        "Without numpy, fork, UTF-8, a home, shared memory or descriptors it works, or says why not",
        _of("environments/", "test_surroundings.py"),
    ),
    Promise(
        "The installed package tries itself, every launcher that can be had",
        _of("", "test_self_test.py"),
        ("| Linux | all of it |",),
    ),
    Promise(
        "Python 3.10 to 3.13; ipykernel 6.31, 7.3 and the newest; JupyterLab 4.2 to the newest; ipywidgets 8;"
        " the lowest versions of what it needs, without numpy",
        ("matrix", *_of("environments/", "test_other_versions.py")),
        ("| Python 3.10, 3.11, 3.12, 3.13 | the same",),
    ),
    Promise(
        "Every tutorial and notebook does what it says",
        _of("tutorials/", "test_pages.py", "test_notebooks.py"),
        ("Ten minutes go through it all",),
    ),
)

_CELLS = (
    Promise(
        "A cell's body runs for every point, in parallel, with the notebook's names; grids, filters, comprehensions",
        _of("notebook/", "test_body.py", "test_clause.py", "test_in_a_kernel.py"),
        (
            "on all your cores, on the machines that you reach by ssh",
            "the cell's body for every `x`",
            "a parallel comprehension",
            "the cell, once, on one worker",
            "where the next cells run",
            "what ran, what failed, stop it, what there is",
            "| everything else |",
        ),
    ),
    Promise(
        "A run is seen live in its cell, each worker's lane, and cancelled there; what stays needs no kernel",
        _of("", "e2e/test_run_view.py", "notebook/test_live_in_a_kernel.py"),
        ("can be cancelled there; what stays needs no kernel", "all of it, tried in Chromium"),
    ),
    Promise(
        "Where no widgets are, pictures and text say the same",
        _of("notebook/", "test_without_widgets.py", "test_views.py"),
        ("cells and verbs, as text and pictures", "else pictures; `%pathos panel` in a cell"),
    ),
    Promise(
        "The side panel follows the notebook in front, and does by mouse what the verbs do",
        _of("", "e2e/test_side_panel.py", "notebook/test_panel.py", "notebook/test_panel_on_hosts.py"),
        ("The panel on the left follows the notebook in front", "all of this by mouse: hosts, tunnels, pools, runs"),
    ),
    Promise(
        "Results can be cut, tabled, plotted, debugged, run again, saved and reported",
        _of(
            "",
            "contract/test_selecting.py",
            "notebook/test_results.py",
            "notebook/test_using_results.py",
            "notebook/test_reports.py",
            "notebook/test_plots.py",
        ),
        ("what can be done with a result",),
    ),
    Promise(
        "Failed points run again into the result", _of("notebook/", "test_rerun.py"), ("the points that failed, again",)
    ),
    Promise(
        "A dry run forecasts, a check compares points with a loop",
        _of("notebook/", "test_forecast.py", "test_before_and_after.py"),
        ("how long it would take, and whether it is worth it",),
    ),
    Promise(
        "What a point prints and draws is shown with it",
        _of("", "contract/test_output.py", "notebook/test_shown.py"),
        ("shown with its point, in the cell that ran it",),
    ),
    Promise(
        "Workers everywhere are sampled, and a flame graph grows while the cell runs",
        _of("", "contract/test_profile.py", "notebook/test_profile_in_a_kernel.py", "joined/test_profile.py"),
        ("samples the workers, wherever they are",),
    ),
)
_PLACES = (
    Promise(
        "A host by ssh needs a login and Python; paramiko or the system's ssh",
        _of("", "remote/test_connecting.py", "joined/test_hosts.py", "notebook/test_hosts.py"),
        (
            "which needs nothing but an ssh login and Python",
            "Linux with Python, nothing installed",
            "On the host nothing has to be installed but Python",
            "cells run there and here",
            "does the same. docs/hosts.md",
            "it is remembered in a small file",
        ),
    ),
    Promise(
        "Hosts are described, commands run there, and servers carried there for pathos' pools",
        _of("", "joined/test_verdict.py", "remote/test_commands.py", "joined/test_services.py"),
        (
            "which hosts there are, and what one is like",
            "a command there, and what it writes",
            "a server there for pathos'",
        ),
    ),
    Promise(
        "A copy of files and folders that was cut goes on",
        _of("remote/", "test_copying.py"),
        ("files and folders, there and back",),
    ),
    Promise(
        "What one call gives may be the argument of the next before it is there",
        _of("contract/", "test_graphs.py"),
        ("may be the argument of the next before it is there",),
    ),
    Promise(
        "Each item has its files in a folder of its own, carried once and brought back whole",
        _of("", "contract/test_files.py", "agent/test_files.py"),
        ("each in a folder of its own; carried once to a host",),
    ),
    Promise(
        "One map runs on cores, a host, a queue's nodes and dask at once, and goes on when places come and go",
        ("soak", *_of("slurm/", "test_all_kinds.py")),
        ("all of that in one map, shared by measured speed",),
    ),
    Promise(
        "Pools and sweeps in Slurm's queue, and sweeps in others",
        _of("", "slurm/test_shares.py", "detached/test_other_queues.py"),
        ("an agent on each node", "22.05", "detached sweeps, by way of PSI/J"),
    ),
)
_SCRIPTS = (
    Promise(
        "All results, rows, lazily, as they finish, later, one call: in order, once, on every launcher",
        _of("contract/", "test_results.py", "test_lazy.py", "test_async.py"),
        ("one by one, lazily", "choosing where the work runs is all that changes"),
    ),
    Promise(
        "Pools are yours, opened and closed by you, as large as may be used",
        _of("", "contract/test_life.py", "launchers/test_cores.py"),
        ("workers that you own, at launchers",),
    ),
    Promise(
        "The options of a map hold on every launcher; what raises ends it or leaves a Failure, as you say",
        _of("contract/", "test_failures.py", "test_record.py"),
        ("the options of each of them", "that ends the map, and what is finished stays on the run"),
        beside=("limited",),
    ),
    Promise(
        "A concurrent.futures.Executor, and joblib's backend",
        _of("", "test_executor.py", "test_joblib.py"),
        ("a `concurrent.futures.Executor`", "joblib's backend"),
    ),
    Promise(
        "Data that all workers read; a random generator for each item",
        _of("", "test_sharing.py", "contract/test_seeds.py"),
        ("data that all workers read",),
    ),
    Promise(
        "pathos' names and rules, and code that was written for it, unchanged",
        _of("pathos/", "test_names.py", "test_pathos_maps.py", "test_compat.py", "test_pathos_own_tests.py"),
        ("with the names and the rules of pathos", "runs code that was written for pathos, unchanged"),
    ),
    Promise(
        "Commands, copies, tunnels and servers by pathos' names; a tunnel from a shell",
        _of("remote/", "test_pipes.py", "test_ports_and_selector.py", "test_pathos_connect.py"),
        ("commands, copies, tunnels and servers on hosts", "a tunnel from a shell, until Enter"),
    ),
    Promise("No script needs a guard", _of("contract/", "test_main.py"), ("No script needs an",)),
    Promise(
        "Imports go down only, and a launcher is one file",
        _of("", "test_house.py", "tutorials/test_launcher.py"),
        ("Imports go down only", "a new one of 49 lines passes its suite"),
    ),
    Promise(
        "The figures beside the peers are those that were measured",
        _of("", "tutorials/test_comparison.py", "test_benchmarks.py"),
        ("are in docs/performance.md", "measures again on your machine"),
    ),
)
NO_PROMISE = (
    "Or look first", "docs/install.md has the extras", "And two commands for another machine", "tells the story",
    "does for the notebook what", "This is version 0.1", "not tried", "tells more", "What carries how many workers",
    "restarts its kernel in the middle of one", "shows all of it", "ARCHITECTURE.md has the picture",
    "makes an environment",
)  # fmt: skip
"""Words of what the README says and no test holds: where to read on, and what is said not to be tried."""

SECTIONS: dict[str, tuple[Promise, ...]] = {
    "Results": _RESULTS,
    "Other machines": _MACHINES,
    "What remains": _REMAINS,
    "Attacks and bad input": _ATTACKS,
    "Surroundings": _SURROUNDINGS,
    "In a notebook": _CELLS,
    "Where it runs": _PLACES,
    "In a script": _SCRIPTS,
}


def quotes() -> list[str]:
    """Give all words of the README that are accounted for."""
    return [*(words for rows in SECTIONS.values() for row in rows for words in row.says), *NO_PROMISE]
