"""One round of the soak, drawn at random: where, which map, which items, and what is done to it meanwhile."""

from __future__ import annotations

import random
from typing import NamedTuple

from tests.soak.items import APART_ONLY, FAILS, GOOD, TRAVELS_ILL, Item

PLACES = (
    ("serial",),
    ("threads",),
    ("processes",),
    ("ppft",),
    ("agent",),
    ("processes", "agent"),
    ("threads", "processes"),
)
MAPS = ("map", "starmap", "imap", "uimap", "amap", "start")
FAULTS = ("none", "none", "none", "interrupt", "kill", "cut", "cancel", "drop", "terminate")
_SHARES_MEMORY = ("serial", "threads")


class Round(NamedTuple):
    """What is to be done.

    Attributes
    ----------
    places : tuple of str
        Where.
    kind : str
        Which map.
    items : list of Item
        Its input.
    options : dict
        Of the map.
    fault : str
        What is done to it meanwhile.
    after_s : float
        How long after its beginning.
    n_taken : int
        After how many values an iterator is dropped.
    """

    places: tuple[str, ...]
    kind: str
    items: list[Item]
    options: dict[str, object]
    fault: str
    after_s: float
    n_taken: int

    @property
    def is_apart(self) -> bool:
        """Whether some items run in processes of their own."""
        return any(place not in _SHARES_MEMORY for place in self.places)

    @property
    def is_mixed(self) -> bool:
        """Whether some do and some do not."""
        return self.is_apart and any(place in _SHARES_MEMORY for place in self.places)

    def __str__(self) -> str:
        acts = sorted({item.act for item in self.items})
        told = f"{self.kind} of {len(self.items)} on {'+'.join(self.places)} {self.options}, items {', '.join(acts)}"
        return f"{told}; {self.fault} after {self.after_s:.3f} s"


def draw(seed: int, number: int, folder: str) -> Round:
    """Give the round of a number; the same for the same seed.

    Parameters
    ----------
    seed, number : int
        Which.
    folder : str
        For files of items that do something once.
    """
    dice = random.Random(f"{seed} {number}")
    places, kind, fault = dice.choice(PLACES), dice.choice(MAPS), dice.choice(FAULTS)
    fault = _fitting(fault, places, kind)
    # Who kills workers himself must know that no item does: else an item may be blamed for both.
    acts = _acts(dice, places, may_kill=fault not in ("kill", "cut"))
    options = _options(dice, acts, fault)
    paths = f"{folder}/{seed}-{number}-"
    most = 7 if "stops once" in acts else 20 if "late" in acts else 200  # a stopped worker is found after 5 s
    n_items = min(dice.choice((0, 1, 7, 30, 200)), most)
    items = [_item(x, dice.choice(acts), paths) for x in range(n_items)]
    return Round(places, kind, items, options, fault, dice.random() ** 2 * 0.5, dice.randrange(5))


def _fitting(fault: str, places: tuple[str, ...], kind: str) -> str:
    if fault == "cut" and "agent" not in places:
        return "kill" if set(places) - set(_SHARES_MEMORY) else "interrupt"
    if fault == "kill" and not set(places) - set(_SHARES_MEMORY):
        return "interrupt"
    if fault == "drop" and kind not in ("imap", "uimap"):
        return "none"
    if fault in ("cancel", "terminate") and places == ("serial",):  # it runs in the thread that waits
        return "interrupt"
    return fault


def _acts(dice: random.Random, places: tuple[str, ...], may_kill: bool) -> list[str]:
    never = set() if set(places).isdisjoint(_SHARES_MEMORY) and may_kill else set(APART_ONLY)
    if places == ("serial",):  # it cannot be stopped there, and what it says is this process' own
        never |= {"late", "say"}
    bad = [act for act in FAILS if act not in never]
    good = [act for act in GOOD if act not in never and act != "stops once"]
    if "stops once" not in never and dice.random() < 0.05:  # it takes five seconds to be found
        good.append("stops once")
    wrong = dice.choice(bad) if dice.random() < 0.5 else ""
    if wrong == "late":  # these have a time limit, which a busy machine must not make them miss
        good = [act for act in good if act not in ("nest", "large", "stops once")]
    return dice.sample(good, min(len(good), 3)) * 6 + ([wrong] if wrong else [])


def _options(dice: random.Random, acts: list[str], fault: str) -> dict[str, object]:
    options: dict[str, object] = {"on_error": dice.choice(("keep", "keep", "raise", "stop")), "retries": 2}
    if dice.random() < 0.3:
        options["chunksize"] = dice.choice((1, 5, 50))
    if "late" in acts:
        options["timeout"] = 5.0
    if dice.random() < 0.2:
        options["seed"] = 7
    return options


def _item(x: int, act: str, paths: str) -> Item:
    return Item(x, act, f"{paths}{x}", (n for n in ()) if act in TRAVELS_ILL and act == "unsendable" else None)
