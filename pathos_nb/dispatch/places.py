"""Places that join a pool and leave it, while maps run."""

from __future__ import annotations

from contextlib import nullcontext

from pathos_nb.dispatch.dispatcher import Dispatcher
from pathos_nb.errors import BadOption, PoolClosed
from pathos_nb.launchers.contract import Launcher
from pathos_nb.wire.framing import Frame

__all__ = ["join", "leave", "wait_for_workers", "waits"]

_LEAVE_S, _GLANCE_S = 10.0, 1e-3


def join(dispatcher: Dispatcher, kind: type[Launcher], setup: Frame | None, n: int) -> None:
    """Have workers at one more place; what runs goes on, and goes there too.

    Parameters
    ----------
    dispatcher : Dispatcher
        Of the pool.
    kind : type
        The place's launcher; one that the pool has already gets more workers.
    setup : Frame or None
        Sent to each new worker first.
    n : int
        How many workers.

    Raises
    ------
    PoolBroken, PoolClosed
        They cannot be started; or there is no pool any more.
    """
    dispatcher.check_open()
    known = [launcher for launcher in dispatcher.crew.launchers if type(launcher) is kind]
    launcher = known[0] if known else kind(dispatcher.hub, dispatcher.receiver.take, setup, n)
    try:
        launcher.wait_until_up()  # without the lock: what runs goes on meanwhile
        with dispatcher.lock:
            if dispatcher.is_closed:
                raise PoolClosed("the pool was closed", cure="make a new one")
            if not known:
                dispatcher.crew.launchers.append(launcher)
            dispatcher.crew.grow(launcher, launcher.make_room(n if known else launcher.n_expected))
            dispatcher.is_inline = dispatcher.is_inline and all(seat.slot.inline for seat in dispatcher.crew.seats)
            dispatcher.feeder.feed()
    except BaseException:
        if not known:
            launcher.close()
        raise
    dispatcher.hub.wake()


def leave(dispatcher: Dispatcher, kind: type[Launcher]) -> None:
    """Do without a place: its workers finish what they have begun, the others take the rest.

    Parameters
    ----------
    dispatcher : Dispatcher
        Of the pool.
    kind : type
        The place's launcher.

    Raises
    ------
    BadOption
        The pool has no workers there, or nowhere else.
    """
    launchers = dispatcher.crew.launchers
    found = [launcher for launcher in launchers if type(launcher) is kind]
    if not found or len(launchers) == 1:
        cure = "close the pool instead" if found else f"it has {', '.join(known.name for known in launchers)}"
        raise BadOption(f"the pool cannot do without {kind.name!r}", cure=cure)
    launcher = found[0]
    with dispatcher.lock:
        dispatcher.crew.resize(launcher, 0)
    dispatcher.hub.wake()
    dispatcher.attend(lambda: not dispatcher.crew.seats_of(launcher), _LEAVE_S, None)
    with dispatcher.lock:
        dispatcher.receiver.do_without(launcher, f"{kind.name} left the pool")
        dispatcher.feeder.feed()
    dispatcher.hub.wake()
    with dispatcher.lock if launcher.is_closed_in_turn else nullcontext():
        launcher.close()


def wait_for_workers(dispatcher: Dispatcher) -> None:
    """Wait until there is a worker, where they come out of a queue; raise what keeps them away for good."""
    dispatcher.attend(
        lambda: bool(dispatcher.crew.seats) or dispatcher.is_closed or dispatcher.broken is not None, None, None
    )
    dispatcher.check_open()


def waits(dispatcher: Dispatcher) -> dict[str, str]:
    """Tell what places wait for; news of them are taken in, though nobody may attend just now."""
    waiting = [launcher for launcher in dispatcher.crew.launchers if launcher.waits]
    if waiting and not dispatcher.is_mine():
        dispatcher.attend(lambda: False, _GLANCE_S, None)
    return {launcher.name: text for launcher in waiting if (text := launcher.waits)}
