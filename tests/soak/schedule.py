"""Which harms a great round does, where and in which order: drawn from the seed alone, so that a seed plays again.

All that can be done on some grounds is dealt to two rounds, a round of odd number and the next one: what is done in two
rounds is all of it, in each of them every kind that has a name, and something at every place.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["HERE", "NAMED", "Harm", "Pair", "pairs", "schedule"]

NAMED = ("kill", "stop", "partition", "slow link", "full disk", "interrupt", "resize")
HERE = "this process"
_AT_WORKERS = ("kill", "stop", "resize")
_AT_HOSTS = ("host dies", "agent dies")
_PAUSE_S, _LASTS_S = (0.1, 1.2), (1.0, 6.0)

Pair = tuple[str, str]
"""A kind of harm, and the place where it is done."""


class Harm(NamedTuple):
    """One harm: how long after the one before it, what, where, and for how long if it is one that lasts."""

    pause_s: float
    kind: str
    place: str
    lasts_s: float


def pairs(hosts: Iterable[str], others: Iterable[str], *, can_cut: bool, can_slow: bool, has_disk: bool) -> list[Pair]:
    """Give all that can be done.

    Parameters
    ----------
    hosts : iterable of str
        Hosts by ssh.
    others : iterable of str
        The other places that have workers.
    can_cut, can_slow, has_disk : bool
        What the machine allows.
    """
    hosts, others = list(hosts), list(others)
    links = [*(["partition"] if can_cut else []), *(["slow link"] if can_slow else [])]
    found = [(kind, place) for place in (*others, *hosts) for kind in _AT_WORKERS]
    found += [(kind, host) for host in hosts for kind in (*links, *_AT_HOSTS)]
    found += [("node dies", "slurm")] * ("slurm" in others) + [("dask worker dies", "dask")] * ("dask" in others)
    return [*found, ("interrupt", HERE), *([("full disk", HERE)] if has_disk else [])]


def schedule(seed: int, number: int, possible: Sequence[Pair], *, is_kept: bool) -> list[Harm]:
    """Give the harms of a great round, in their order.

    Parameters
    ----------
    seed, number : int
        Which round of which soak.
    possible : sequence
        What `pairs` gave.
    is_kept : bool
        Whether its values are stored; if not, nobody would notice a full disk.
    """
    turn, half = divmod(number - 1, 2)
    dealt = _dealt(random.Random(f"deal {seed} {turn}"), possible)[half::2]
    dice = random.Random(f"harms {seed} {number}")
    share = [pair for pair in dealt if is_kept or pair[0] != "full disk"]
    for kind in NAMED:
        others = [pair for pair in possible if pair[0] == kind and (is_kept or kind != "full disk")]
        if others and not any(pair[0] == kind for pair in share):
            share.append(dice.choice(others))
    dice.shuffle(share)
    return [Harm(dice.uniform(*_PAUSE_S), kind, place, dice.uniform(*_LASTS_S)) for kind, place in share]


def _dealt(dice: random.Random, possible: Sequence[Pair]) -> list[Pair]:
    """Put them in an order in which each second one is a fair half: those of a place stand together."""
    places = sorted({place for _, place in possible})
    dice.shuffle(places)
    return sorted(dice.sample(list(possible), len(possible)), key=lambda pair: places.index(pair[1]))
