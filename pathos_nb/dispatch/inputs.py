"""Results to come as arguments of later calls: found in the arguments, and replaced by values when these are there.

A handle may be an argument by itself, or lie in lists, tuples and dictionaries of arguments, however deep. Containers
that hold one are copied at the call, to kinds of our own, and only in these handles are looked for afterwards: one that
is put into a list later is no input, so that no call can wait for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from pathos_nb.dispatch.graph import node_of
from pathos_nb.dispatch.keepers import ListKeeper
from pathos_nb.dispatch.run import Run
from pathos_nb.errors import Cancelled, CannotSend, Failure, InputFailed
from pathos_nb.typed import Any

__all__ = ["Coming", "Element", "Whole", "coming", "copied", "filled", "has_any", "outcome_error", "within"]

_CONTAINERS = (list, tuple, dict)
_MOST_DEEP = 20


class _List(list[Any]):
    """A list in which handles lay when the call was made."""


class _Tuple(tuple[Any, ...]):
    """A tuple in which handles lay when the call was made."""

    __slots__ = ()


class _Dict(dict[Any, Any]):
    """A dictionary in which handles lay when the call was made."""


_HOLDING: dict[type, type] = {list: _List, tuple: _Tuple, dict: _Dict}
_PLAIN = {holding: plain for plain, holding in _HOLDING.items()}


class Coming:
    """What may be an argument before it is there: the base of all handles."""

    __slots__ = ()

    def as_input(self) -> Whole | Element:
        """Give what is to be waited for."""
        raise NotImplementedError


class Whole(Coming):
    """All that a run gives: its list, or its one value.

    Parameters
    ----------
    run : Run
        A run that keeps its values.
    single : bool
        Whether its value is the first of the list.
    """

    __slots__ = ("run", "single")

    def __init__(self, run: Run, single: bool) -> None:
        self.run, self.single = run, single

    def as_input(self) -> Whole | Element:
        """Give itself."""
        return self

    @property
    def is_there(self) -> bool:
        """Whether it can be had, or never will be."""
        return self.run.is_over

    def value(self) -> Any:
        """Give it.

        Raises
        ------
        BaseException
            What the map that waits would have raised; an item's failure that was kept is raised too if it is all.
        """
        self.run.raise_if_failed()
        values = self.run.values()
        return _unless_failed(values[0]) if self.single else values

    def when_there(self, callback: Callable[[], None]) -> None:
        """Have something called once it can be had; in any thread, under the lock of its own pool."""
        self.run.when_over(lambda run: callback())


class Element(Coming):
    """The value of one item of a map, which may be there long before the others.

    Parameters
    ----------
    run : Run
        A run that keeps its values.
    index : int
        Which item.
    """

    __slots__ = ("index", "run")

    def __init__(self, run: Run, index: int) -> None:
        self.run, self.index = run, index

    def as_input(self) -> Whole | Element:
        """Give itself."""
        return self

    def __repr__(self) -> str:
        return f"<item {self.index} of {self.run!r}>"

    @property
    def is_there(self) -> bool:
        """Whether it can be had, or never will be."""
        return self.run.is_over or bool(self.run.keeper.has(self.index))

    def value(self) -> Any:
        """Give it.

        Raises
        ------
        BaseException
            What the item raised, or why it was not run.
        """
        run, index = self.run, self.index
        failure, keeper = run.failures.get(index), run.keeper
        if failure is None and isinstance(keeper, ListKeeper) and keeper.has(index):
            return _unless_failed(keeper.values[index])  # without a copy of all
        if failure is None and run.error is not None:
            raise run.error
        return _unless_failed(failure if failure is not None else run.seen()[index])

    def when_there(self, callback: Callable[[], None]) -> None:
        """Have something called once it can be had; see `Whole.when_there`."""
        node_of(self.run).when_item(self.run, self.index, callback)
        if self.is_there:  # it came before anybody listened
            callback()


def _unless_failed(value: Any) -> Any:
    if isinstance(value, Failure):
        value.reraise()
    return value


def coming(thing: object) -> Whole | Element | None:
    """Give what is to be waited for, if a thing is a handle."""
    return thing.as_input() if isinstance(thing, Coming) else None


def has_any(things: Iterable[Any], depth: int = 0, seen: set[int] | None = None) -> bool:
    """Whether a handle is among things, or lies in a list, tuple or dictionary among them."""
    if isinstance(things, range) or not isinstance(things, _CONTAINERS):
        return False
    values = things.values() if isinstance(things, dict) else things
    kinds = set(map(type, values))
    if any(issubclass(kind, Coming) for kind in kinds):
        return True
    if depth >= _MOST_DEEP or not any(issubclass(kind, _CONTAINERS) for kind in kinds):
        return False
    seen = set() if seen is None else seen  # one that lies in itself, or in many others, is looked through once
    inner = [value for value in values if isinstance(value, _CONTAINERS) and id(value) not in seen]
    seen.update(map(id, inner))
    return any(has_any(value, depth + 1, seen) for value in inner)


def within(thing: Any) -> Iterator[Whole | Element]:
    """Give the handles in a thing that was `copied`, which may be one."""
    if (found := coming(thing)) is not None:
        yield found
    elif type(thing) in _PLAIN:
        for each in thing.values() if type(thing) is _Dict else thing:
            yield from within(each)


def copied(thing: Any, around: tuple[int, ...] = ()) -> Any:
    """Copy the containers in which handles lie, to kinds that say so; everything else stays what it is.

    Raises
    ------
    CannotSend
        One of them lies in itself.
    """
    holding = _HOLDING.get(type(thing))
    if holding is None or not has_any(thing):
        return thing
    if id(thing) in around:
        what = f"a {type(thing).__name__} among the arguments holds itself, and results to come besides"
        raise CannotSend(what, cure="give the results to come by themselves, or in a list that does not hold itself")
    return _rebuilt(thing, holding, lambda each: copied(each, (*around, id(thing))))


def filled(thing: Any) -> Any:
    """Give a thing that was `copied` with values in the place of handles; all of them are there.

    Raises
    ------
    BaseException
        What the first input raised that failed.
    """
    if (found := coming(thing)) is not None:
        return found.value()
    plain = _PLAIN.get(type(thing))
    return thing if plain is None else _rebuilt(thing, plain, filled)


def _rebuilt(thing: Any, kind: type, of: Callable[[Any], Any]) -> Any:
    """Make a container of a kind from what becomes of another one's values."""
    if isinstance(thing, dict):
        return kind((key, of(value)) for key, value in thing.items())
    return kind(map(of, thing))


def outcome_error(inputs: Sequence[Whole | Element]) -> BaseException | None:
    """Give the error of a call one of whose inputs has failed; None if none has.

    Parameters
    ----------
    inputs : sequence
        All of them are there.

    Returns
    -------
    InputFailed or Cancelled or None
        It names the call that failed or was cancelled first, however many lie between, and has its error as the cause.
    """
    for each in inputs:
        try:
            each.value()
        except BaseException as error:
            return _passed_on(each, error)
    return None


def _passed_on(origin: Whole | Element, error: BaseException) -> BaseException:
    told: BaseException
    if isinstance(error, InputFailed) or (isinstance(error, Cancelled) and isinstance(error.__cause__, Cancelled)):
        told = type(error)(error.what, cause=error.cause, cure=error.cure, **error.where)
        told.__cause__ = error.__cause__
        return told
    name = f"{name_of_call(origin.run)} (run {origin.run.run_id})"
    if isinstance(error, Cancelled):
        told = Cancelled(f"not run: its input, {name}, was cancelled", cure="begin both again")
    else:
        cause = f"{type(error).__name__}: {_text_of(error)}"
        cure = "mend that call; the others that do not depend on it are not affected"
        told = InputFailed(f"not run: its input, {name}, failed", cause=cause, cure=cure)
    told.__cause__ = error
    return told


def name_of_call(run: Run) -> str:
    """Give what a person calls a run: its title, or its function's name."""
    return run.label


def _text_of(error: BaseException) -> str:
    try:
        return str(error).partition("\n")[0]
    except Exception as lie:  # an exception that lies
        return f"<its text raises {type(lie).__name__}>"
