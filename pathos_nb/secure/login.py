"""Logging in on a connection that is open: agent, key files, one-time codes, password, in the order of ``ssh``.

What is secret is asked when it is needed, by the `ask` that was handed in, in the caller's thread; it is kept nowhere.

::

    caller                                   transport's own thread
      auth_interactive in a helper  ───►     the host's questions come
      answers by ask(prompt, secret) ◄────   they are put in a queue, and waited for
"""

from __future__ import annotations

import base64
import contextlib
import copy
import queue
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pathos_nb.errors import HostUnreachable, LoginRefused
from pathos_nb.secure.asking import Ask, asking_again
from pathos_nb.secure.config import Hop, public_blob

if TYPE_CHECKING:
    import paramiko

__all__ = ["log_in"]


TYPING_S = 180.0  # how long a person may take to answer; sshd itself waits 120 s
TRIES = 3
MAX_KEYS = 5  # sshd hangs up after six attempts
_PASSWORD, _NO_PASSWORD, _QUESTIONS = "a password", "no password (none was given)", "the host's questions"
_CURES = {
    _PASSWORD: "wrong password: connect again and type it anew, and check the user's name",
    _NO_PASSWORD: "connect again and type it, or name a key (--key)",
    _QUESTIONS: "a wrong answer, or none: connect again and type it anew, and check the user's name",
}
_WRONG_PHRASE, _NO_PHRASE = "wrong passphrase", "its passphrase was not given"
_PHRASES = {
    _WRONG_PHRASE: "connect again and type the passphrase anew, or name another key (--key)",
    _NO_PHRASE: "add the key to the agent (ssh-add), or log in from a terminal or a notebook, where it can be asked",
}
_TAIL_BYTES = 32  # of a public key: the certificate has it in it


class _Refusals:
    """What was tried, for the message at the end, and what the host still takes."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.takes: set[str] = set()
        self.has_passed = 0  # how often the host said "right, and what else?"

    def note(self, what: str) -> None:
        self.tried.append(what)

    def __str__(self) -> str:
        times = Counter(self.tried)
        return ", ".join(f"{what} ({n} times)" if n > 1 else what for what, n in times.items())

    def cure(self) -> str:
        """Say what to do about the last that was refused."""
        last = self.tried[-1] if self.tried else ""
        for phrase, cure in _PHRASES.items():
            if last.endswith(f"({phrase})"):
                return cure
        return _CURES.get(last, "check the user's name, name the key (--key) or add it to the host's authorized_keys")


def log_in(transport: paramiko.Transport, hop: Hop, ask: Ask | None, timeout: float) -> None:
    """Log in, by whatever works first.

    Parameters
    ----------
    transport : paramiko.Transport
        Its host key is verified already.
    hop : Hop
        The user and the keys.
    ask : callable, optional
        Asks the user; without it nothing is asked.
    timeout : float
        Seconds for each attempt.

    Raises
    ------
    LoginRefused
        Nothing worked; the message has what was tried, and what the host would take.
    HostUnreachable
        The host hung up in between.
    """
    transport.auth_timeout, ask = timeout, asking_again(ask)
    refusals, done = _Refusals(), set[str]()
    while not transport.is_authenticated() and (method := _next_method(transport, hop, refusals, done)):
        passed = refusals.has_passed
        _METHODS[method](transport, hop, ask, refusals)
        _check_alive(transport, hop, refusals)
        # What the host wants besides may be what has failed before.
        done = {method} if refusals.has_passed > passed else {*done, method}
    if not transport.is_authenticated():
        raise _refused(hop, refusals, ask)


def _next_method(transport: paramiko.Transport, hop: Hop, refusals: _Refusals, done: set[str]) -> str:
    """Give the method to try next: keys without a question, the others if the host takes them."""
    if not refusals.takes:
        if "publickey" not in done:
            return "publickey"
        _attempt(lambda: transport.auth_none(hop.user) or [], refusals)
    return next((m for m in _METHODS if m in refusals.takes and m not in done), "")


def _refused(hop: Hop, refusals: _Refusals, ask: Ask | None) -> LoginRefused:
    takes = f"; the host takes {', '.join(sorted(refusals.takes))}" if refusals.takes else ""
    asks = bool(refusals.takes & {"password", "keyboard-interactive"}) and ask is None
    cure = "log in from a terminal or a notebook, where a password can be asked" if asks else ""
    return LoginRefused(
        f"{hop.where} was not let in",
        cause=f"tried: {str(refusals) or 'nothing, there is no key'}{takes}",
        cure=cure or refusals.cure(),
        host=hop.name,
        user=hop.user,
    )


def _check_alive(transport: paramiko.Transport, hop: Hop, refusals: _Refusals) -> None:
    if not transport.is_active():
        raise HostUnreachable(
            f"{hop.where} hung up during the log-in",
            cause=f"too many attempts, it may be (tried: {refusals})",
            cure=_CURES.get(refusals.tried[-1] if refusals.tried else "", "name the one key to use (--key)"),
            host=hop.name,
        )


# ----------------------------------------------------------------------------------------------------------------- keys


def _by_keys(transport: paramiko.Transport, hop: Hop, ask: Ask | None, refusals: _Refusals) -> None:
    agent = _agent_of(hop) if hop.use_agent else None
    passed = refusals.has_passed
    try:
        for label, key in _all_keys(agent, hop, ask, refusals):
            refusals.note(label)
            if _attempt(lambda one=key: transport.auth_publickey(hop.user, one), refusals):  # type: ignore[misc]
                return
            if refusals.has_passed > passed or not transport.is_active():
                return
    finally:
        if agent is not None:
            agent.close()


def _agent_of(hop: Hop) -> paramiko.Agent | None:
    """Reach the agent: the one that the configuration names, or the environment's."""
    import paramiko

    if not hop.agent:
        return paramiko.Agent()
    agent = paramiko.Agent.__new__(paramiko.Agent)  # its own beginning looks at the environment, and there alone
    paramiko.agent.AgentSSH.__init__(agent)
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream.connect(hop.agent)
        agent._connect(stream)  # type: ignore[attr-defined]
    except (OSError, paramiko.SSHException):  # as for ssh, it is then done without
        stream.close()
        return None
    return agent


def _all_keys(
    agent: paramiko.Agent | None, hop: Hop, ask: Ask | None, refusals: _Refusals
) -> Iterator[tuple[str, paramiko.PKey]]:
    yield from islice(_agent_keys(agent, hop, refusals), MAX_KEYS)
    for path in hop.keys:
        loaded = _load(path, hop, ask, refusals)
        if loaded is not None:
            yield from certified(path, loaded, hop.certificates)
            yield str(path), loaded


def certified(path: Path, key: paramiko.PKey, named: Sequence[Path] = ()) -> Iterator[tuple[str, paramiko.PKey]]:
    """Give a key with each certificate that there is for it: ``KEY-cert.pub``, and those that are named.

    Parameters
    ----------
    path : Path
        The private key's file.
    key : paramiko.PKey
        Read from it.
    named : sequence of Path
        Certificates, of this key or of others.

    Yields
    ------
    tuple of str and paramiko.PKey
        What to call it, and the key, which shows that certificate.
    """
    own = path.with_name(f"{path.name}-cert.pub")
    for place in dict.fromkeys([*([own] if own.is_file() else []), *named]):
        with contextlib.suppress(OSError, ValueError, IndexError):  # it is no certificate
            text = place.read_text(encoding="utf-8")
            if key.asbytes()[-_TAIL_BYTES:] not in base64.b64decode(text.split()[1]):
                continue  # another key's
            shown = copy.copy(key)
            shown.load_certificate(text)
            yield f"{path} with its certificate", shown


def _agent_keys(agent: paramiko.Agent | None, hop: Hop, refusals: _Refusals) -> Iterator[tuple[str, paramiko.PKey]]:
    """Give the agent's keys, first those that are named; with IdentitiesOnly no others."""
    named = {public_blob(path): path for path in hop.public_keys}
    there = {key.asbytes(): key for key in (agent.get_keys() if agent is not None else ())}
    for blob, path in named.items():
        if blob in there:
            yield f"{path} of the agent", there[blob]
        elif not _has_private(path, hop):
            refusals.note(f"{path} (the agent does not have its private half)")
    if not hop.only_these_keys:
        yield from (("a key of the agent", key) for blob, key in there.items() if blob not in named)


def _has_private(path: Path, hop: Hop) -> bool:
    return path.suffix == ".pub" and path.with_suffix("") in hop.keys


def _attempt(action: Callable[[], Sequence[str]], refusals: _Refusals) -> bool:
    """Run one attempt; True if the user is in. It is noted what the host takes, and what it wants besides."""
    import paramiko

    try:
        wants_more = set(action())
    except paramiko.BadAuthenticationType as refusal:
        refusals.takes = set(refusal.allowed_types)
        return False
    except paramiko.SSHException:  # refused, or the link broke: _check_alive tells which
        return False
    if wants_more:
        refusals.takes, refusals.has_passed = wants_more, refusals.has_passed + 1
    return not wants_more


def _load(path: Path, hop: Hop, ask: Ask | None, refusals: _Refusals) -> paramiko.PKey | None:
    """Give the key of a file; if it is encrypted its passphrase is asked, at most three times."""
    key, is_encrypted = _read_key(path, None)
    for _ in range(TRIES if is_encrypted else 0):
        phrase = ask(f"Passphrase of {path}: ", True) if ask else None
        if not phrase:
            refusals.note(f"{path} ({_NO_PHRASE})")
            return None
        key, _unused = _read_key(path, phrase)
        if key is not None:
            return key
    if key is None:
        refusals.note(f"{path} ({_WRONG_PHRASE if is_encrypted else 'it cannot be read as a key'})")
    return key


def _read_key(path: Path, phrase: str | None) -> tuple[paramiko.PKey | None, bool]:
    """Give the key, if it can be read so, and whether it is encrypted."""
    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key_file(str(path), phrase), False
        except paramiko.PasswordRequiredException:
            return None, True
        except (paramiko.SSHException, ValueError, OSError):  # another kind of key, or the wrong passphrase
            continue
    return None, False


# -------------------------------------------------------------------------------------------------- questions, password


def _by_questions(transport: paramiko.Transport, hop: Hop, ask: Ask | None, refusals: _Refusals) -> None:
    passed = refusals.has_passed
    for _ in range(TRIES):
        if ask is None:
            return
        questions = _Questions(hop, ask)
        refusals.note(_QUESTIONS)
        if _attempt(lambda asked=questions: asked.answered(transport), refusals):  # type: ignore[misc]
            return
        if questions.declined or not transport.is_active() or refusals.has_passed > passed:
            return


def _by_password(transport: paramiko.Transport, hop: Hop, ask: Ask | None, refusals: _Refusals) -> None:
    passed = refusals.has_passed
    for _ in range(TRIES):
        word = ask(f"Password of {hop.where}: ", True) if ask else None
        if not word and ask:
            refusals.note(_NO_PASSWORD)
        if not word or not transport.is_active():
            return
        refusals.note(_PASSWORD)
        if _attempt(lambda secret=word: transport.auth_password(hop.user, secret, fallback=False), refusals):  # type: ignore[misc]
            return
        if refusals.has_passed > passed:
            return


_METHODS = {"publickey": _by_keys, "keyboard-interactive": _by_questions, "password": _by_password}


class _Questions:
    """The host's questions (one-time codes), brought from paramiko's thread to the caller's."""

    def __init__(self, hop: Hop, ask: Ask) -> None:
        self.hop, self.ask = hop, ask
        self.declined = False
        self._asked: queue.Queue[list[tuple[str, bool]] | None] = queue.Queue()
        self._answers: queue.Queue[list[str]] = queue.Queue()
        self._outcome: list[Sequence[str] | BaseException] = []

    def answered(self, transport: paramiko.Transport) -> Sequence[str]:
        """Log in by questions and answers; give what the host wants besides."""
        transport.auth_timeout = TYPING_S
        helper = threading.Thread(target=self._run, args=(transport,), name="pathos-nb questions", daemon=True)
        helper.start()
        while (prompts := self._asked.get(timeout=2 * TYPING_S)) is not None:
            self._answers.put([self._answer(prompt, echo) for prompt, echo in prompts])
        helper.join()
        outcome = self._outcome[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _run(self, transport: paramiko.Transport) -> None:
        try:
            self._outcome.append(transport.auth_interactive(self.hop.user, self._handle))
        except BaseException as error:  # it is raised in the caller's thread
            self._outcome.append(error)
        finally:
            self._asked.put(None)

    def _handle(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        if not prompts:
            return []
        told = " ".join(text for text in (title, instructions) if text)
        self._asked.put([(f"{self.hop.where}: {told} {prompt}".replace("  ", " "), echo) for prompt, echo in prompts])
        return self._answers.get(timeout=2 * TYPING_S)

    def _answer(self, prompt: str, echo: bool) -> str:
        if self.declined:
            return ""
        answer = self.ask(prompt, not echo)
        self.declined = answer is None
        return answer or ""
