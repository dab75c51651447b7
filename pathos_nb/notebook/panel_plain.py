"""The manager as plain ipywidgets: for front ends where the bundle does not load. It speaks the panel's own messages.

What it asks, secrets above all, is in `pathos_nb.notebook.plain_questions`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from pathos_nb.dispatch.tables import html_text
from pathos_nb.notebook.panel import LEFT, Panel, unblock
from pathos_nb.notebook.panel_forms import TABLES, called_run, connect_words, optional, table_of
from pathos_nb.notebook.plain_questions import PlainQuestions
from pathos_nb.wire.messages import PROTOCOL

__all__ = ["PlainPanel"]

_N_SAID = 4
_FIELDS = {
    "host": "host or name of ~/.ssh/config", "user": "user", "name": "name for cells", "port": "port",
    "key": "key file", "through": "by way of",
}  # fmt: skip


class PlainPanel:
    """Tables, forms and buttons.

    Parameters
    ----------
    panel : Panel
        The session's.

    Attributes
    ----------
    view : ipywidgets.VBox
        To be displayed.
    """

    def __init__(self, panel: Panel) -> None:
        self._rows: dict[str, list[Any]] = {}
        self._said: list[str] = []
        self._began: dict[int, tuple[str, list[str]]] = {}
        self._numbers = itertools.count(1)
        self.head, self.said = ipywidgets.HTML(), ipywidgets.HTML()
        self.questions = PlainQuestions(self._reply)
        self.tables = {topic: ipywidgets.HTML("<i>…</i>") for topic in TABLES}
        self.chosen = {topic: ipywidgets.Dropdown(options=[]) for topic in ("hosts", "services", "pools", "runs")}
        self.fields = {name: _text(hint) for name, hint in _FIELDS.items()}
        self.fields["host"] = ipywidgets.Combobox(placeholder=_FIELDS["host"], ensure_option=False)
        self.ports = {name: _text(name) for name in ("port there", "port here")}
        self.pool = {"name": _text("name"), "workers": _text("workers")}
        self.places = ipywidgets.SelectMultiple(options=[], rows=5)
        self.buttons: dict[str, Any] = {}
        self.view = self._layout()
        for widget in [*_all_in(self.view), *self.questions.widgets]:
            unblock(widget.comm, widget._handle_msg)
        self._seat = panel.seat(self.take)
        self.view.comm.on_close(lambda _: self._seat.end())
        self._seat.hear({"type": "open", "version": PROTOCOL})
        self._seat.hear({"type": "watch", "topics": list(TABLES), "runs": []})

    def _layout(self) -> Any:
        hosts, services, pools, runs = (self.chosen[topic] for topic in ("hosts", "services", "pools", "runs"))
        tabs = {
            "Hosts": [
                self.tables["hosts"],
                ipywidgets.HBox([hosts, self._do("Connect", "connect", lambda: _one(hosts)),
                                 self._do("Check", "check", lambda: _one(hosts)),
                                 self._do("Disconnect", "disconnect", lambda: _one(hosts)),
                                 self._do("Remember", "hosts", lambda: ["--save", *_one(hosts)]),
                                 self._do("Forget", "hosts", lambda: ["--forget", *_one(hosts)])]),
                ipywidgets.HTML("<b>another host</b>"),
                ipywidgets.HBox([self.fields[n] for n in ("host", "user", "name")]),
                ipywidgets.HBox([self.fields[n] for n in ("port", "key", "through")]),
                ipywidgets.HBox([self._do("Connect to it", "connect", self._target),
                                 self._do("Remember it", "hosts", lambda: _added(self._target()))]),
            ],
            "Tunnels": [
                self.tables["tunnels"], self.tables["services"],
                ipywidgets.HBox([services, self._do("End it", "kill", lambda: _one(services))]),
                ipywidgets.HBox([*self.ports.values(), self._do("Open a tunnel", "tunnel", self._tunnel),
                                 self._do("Start a server", "serve", lambda: _one(hosts))]),
                ipywidgets.HTML("The host is the one chosen under Hosts."),
            ],
            "Pools": [
                self.tables["pools"],
                ipywidgets.HBox([pools, self._do("Use it", "use", lambda: _one(pools)),
                                 self._do("Resize", "pool", lambda: [*_one(pools), "-n", self.pool["workers"].value]),
                                 self._do("Restart", "pool", lambda: [*_one(pools), "--restart"]),
                                 self._do("Close", "close", lambda: _one(pools))]),
                ipywidgets.HTML("<b>another pool</b>, on one place or several"),
                ipywidgets.HBox([*self.pool.values(), self.places, self._do("Start a pool", "pool", self._new_pool)]),
                self.tables["launchers"],
            ],
            "Runs": [
                self.tables["runs"],
                ipywidgets.HBox([runs, self._do("Cancel", "cancel", lambda: _one(runs)),
                                 self._do("Cancel all", "cancel", lambda: ["--all"]),
                                 self._do("Errors", "errors", lambda: _one(runs)),
                                 self._do("Rerun failed", "rerun", lambda: [*_one(runs), "--failed"]),
                                 self._do("Rerun all", "rerun", lambda: _one(runs))]),
            ],
        }  # fmt: skip
        shown = ipywidgets.Tab([ipywidgets.VBox(parts) for parts in tabs.values()], titles=tuple(tabs))
        view = _View([self.head, shown, self.questions.view, self.said])
        view.add_class("pathos-nb-panel")
        return view

    # what is typed and pressed

    def _button(self, title: str, press: Callable[[], None]) -> Any:
        made = self.buttons[title] = ipywidgets.Button(description=title)
        made.on_click(lambda _: press())
        return made

    def _do(self, title: str, verb: str, words: Callable[[], list[str]]) -> Any:
        return self._button(title if title not in self.buttons else f"{title} ", lambda: self._say(verb, words()))

    def _say(self, verb: str, words: list[str]) -> None:
        number = next(self._numbers)
        self._began[number] = (verb, words)
        self._seat.hear({"type": "do", "id": number, "verb": verb, "words": words})

    def _target(self) -> list[str]:
        return connect_words({name: field.value for name, field in self.fields.items()})

    def _tunnel(self) -> list[str]:
        here = optional("--local", self.ports["port here"].value)
        return [*_one(self.chosen["hosts"]), self.ports["port there"].value.strip(), *here]

    def _new_pool(self) -> list[str]:
        return [self.pool["name"].value.strip(), *self.places.value, *optional("--nodes", self.pool["workers"].value)]

    # what the kernel tells

    def take(self, message: Any) -> None:
        """Show what a message says.

        Parameters
        ----------
        message : dict
            One of `ToFront`.
        """
        if message["type"] == "tables":
            self._tables(message)
        elif message["type"] == "answer":
            self._answer(message)
        elif message["type"] == "ask":
            self.questions.put(message)

    def _tables(self, message: Any) -> None:
        for topic, table in self.tables.items():
            if (rows := message[topic]) is not None:
                self._rows[topic] = rows
                table.value = table_of(topic, rows, message["n_more"].get(topic, 0))
        if message["ssh_names"] is not None:
            self.fields["host"].options = tuple(message["ssh_names"])
        _offer(self.chosen["hosts"], self._names("hosts"))
        _offer(self.chosen["services"], [*self._names("tunnels"), *self._names("services")])
        _offer(self.chosen["pools"], [row["name"] for row in self._rows.get("pools", ()) if row["is_owned"]])
        runs = reversed(self._rows.get("runs", []))
        _offer(self.chosen["runs"], [(called_run(row), row["run"]) for row in runs])
        ready = [row["name"] for row in self._rows.get("launchers", ()) if row["is_ready"]]
        _offer_many(self.places, [*ready, *self._names("hosts")])
        n = message["n_slots"]
        self.head.value = f"<b>{message['n_busy']} of {n}</b> workers are busy" if n else "no workers yet"

    def _names(self, topic: str) -> list[str]:
        return [row["name"] for row in self._rows.get(topic, ())]

    def _answer(self, message: Any) -> None:
        verb, words = self._began.pop(message["id"], ("", []))
        self.questions.drop(message["id"])
        mark, cure = "✓" if message["is_ok"] else "✗", f"\n{message['cure']}" if message["cure"] else ""
        said = f"{mark} {verb} {' '.join(words)}\n{message['text']}{cure}"
        self._said = [*self._said[1 - _N_SAID :], f'<pre style="white-space:pre-wrap">{html_text(said)}</pre>']
        self.said.value = "".join(self._said)

    def _reply(self, number: int, text: str | None) -> None:
        self._seat.hear({"type": "reply", "id": number, "text": text})


class _View(ipywidgets.VBox):  # type: ignore[misc]
    """What is displayed; and what is left of it in a saved notebook."""

    def __repr__(self) -> str:
        return LEFT


def _text(hint: str) -> Any:
    return ipywidgets.Text(placeholder=hint, continuous_update=False)


def _one(choice: Any) -> list[str]:
    return [choice.value] if choice.value else []


def _added(words: Sequence[str]) -> list[str]:
    return ["--add", *words]


def _offer(choice: Any, options: list[Any]) -> None:
    """Change what may be chosen; what is chosen stays so, if it is still there."""
    if list(choice.options) != options:
        before = choice.value
        choice.options = options
        values = [option[1] if isinstance(option, tuple) else option for option in options]
        choice.value = before if before in values else (values[0] if values else None)


def _offer_many(choice: Any, options: list[str]) -> None:
    if list(choice.options) != options:
        before = choice.value
        choice.options = options
        choice.value = tuple(value for value in before if value in options)


def _all_in(widget: Any) -> list[Any]:
    return [widget, *(each for child in getattr(widget, "children", ()) for each in _all_in(child))]
