"""What the plain panel asks the person, one question after the other: a password, a code, whether a key is trusted.

What is typed into a widget is part of its state, which front ends save with the notebook if they are told to. So a
field lives as long as its question; what comes from it is taken out of the message before the widget sees it, and is
neither echoed nor kept; and the page is told at once that the field is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets

from pathos_nb.dispatch.tables import html_text
from pathos_nb.notebook.panel import unblock

__all__ = ["PlainQuestions"]

_TYPED = "typed; press Answer"


class _Forgetful:
    """A field that keeps nothing: what is typed is handed on.

    Attributes
    ----------
    typed : callable
        Takes a text.
    """

    typed: Callable[[str], None] = staticmethod(lambda text: None)

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take what the page says; what was typed goes no further."""
        said = dict(sync_data)
        text = said.pop("value", None)
        super().set_state(said)  # type: ignore[misc]  # the widget's
        if isinstance(text, str):
            self.send_state("value")  # type: ignore[attr-defined]  # the widget's, which is empty: so will be the page's
            if text:
                self.typed(text)


class _Secret(_Forgetful, ipywidgets.Password):  # type: ignore[misc]
    """A field whose characters nobody sees."""


class _Open(_Forgetful, ipywidgets.Text):  # type: ignore[misc]
    """A field."""


class PlainQuestions:
    """The questions that are open, of which the first is shown.

    Parameters
    ----------
    reply : callable
        Takes the number of a question and the answer; None if the person gave up.

    Attributes
    ----------
    view : ipywidgets.VBox
        To be displayed.
    told : ipywidgets.HTML
        The question.
    field : ipywidgets.Text or None
        Where the answer is typed, while one is.
    answer, trust, refuse : ipywidgets.Button
        What may be pressed.
    """

    def __init__(self, reply: Callable[[int, str | None], object]) -> None:
        self._reply, self._open = reply, list[dict[str, Any]]()
        self._held, self._is_submitted = "", False
        self.told = ipywidgets.HTML()
        self.field: Any = None
        self.answer, self.trust, self.refuse = (
            ipywidgets.Button(description=name) for name in ("Answer", "Trust this key", "Refuse")
        )
        self.answer.on_click(lambda _: self._press_answer())
        self.trust.on_click(lambda _: self._end(self._first.get("fingerprint")))
        self.refuse.on_click(lambda _: self._end(None))
        self._row = ipywidgets.HBox([])
        self.view = ipywidgets.VBox([self.told, self._row])

    @property
    def widgets(self) -> list[Any]:
        """Every widget that is there for all questions."""
        return [self.view, self.told, self._row, self.answer, self.trust, self.refuse]

    @property
    def _first(self) -> dict[str, Any]:
        return self._open[0] if self._open else {}

    def put(self, asked: Mapping[str, Any]) -> None:
        """Ask something, when what was asked before has an answer.

        Parameters
        ----------
        asked : dict
            An `Ask`.
        """
        self._open.append(dict(asked))
        if len(self._open) == 1:
            self._show()

    def drop(self, do: int) -> None:
        """Ask nothing any more for something that has ended.

        Parameters
        ----------
        do : int
            Its number.
        """
        first = self._first
        self._open = [asked for asked in self._open if asked["do"] != do]
        if self._first is not first:
            self._show()

    def _show(self) -> None:
        self._forget()
        asked = self._first
        self.told.value = f"<b>{html_text(asked['prompt'])}</b>" if asked else ""
        if not asked:
            self._row.children = ()
        elif asked["kind"] == "trust":
            self.refuse.description = "Refuse"
            self._row.children = (self.trust, self.refuse)
        else:
            self.field, self.refuse.description = self._new_field(asked["kind"] == "secret"), "Give up"
            self._row.children = (self.field, self.answer, self.refuse)

    def _new_field(self, is_secret: bool) -> Any:
        field = (_Secret if is_secret else _Open)(continuous_update=False, placeholder="kept nowhere")
        field.typed = self._typed
        field.on_msg(lambda _, content, buffers: self._submit() if content.get("event") == "submit" else None)
        unblock(field.comm, field._handle_msg)
        return field

    def _forget(self) -> None:
        self._held, self._is_submitted = "", False
        field, self.field = self.field, None
        if field is not None:
            field.typed = lambda text: None
            self._row.children = ()
            field.close()

    def _typed(self, text: str) -> None:
        """Take what was typed: it comes when the field is left, and behind the Enter key."""
        self._held = text
        if self._is_submitted:
            self._press_answer()
        elif self.field is not None:
            self.field.placeholder = _TYPED

    def _submit(self) -> None:
        self._is_submitted = True
        self._press_answer()

    def _press_answer(self) -> None:
        if self._held:
            self._end(self._held)

    def _end(self, text: str | None) -> None:
        asked = self._first
        self._open = self._open[1:]
        self._show()
        if asked:
            self._reply(asked["id"], text)
