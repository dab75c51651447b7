"""Who is asked for a password, a passphrase, a code: a callable that is handed in; nobody here knows a notebook."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Ask", "asking_again"]

Ask = Callable[[str, bool], "str | None"]  # (prompt, is secret) -> answer, or None for "no"
REFUSED = "That was not accepted."


def asking_again(ask: Ask | None) -> Ask | None:
    """Have a question that comes a second time say why: whoever asks the same again has not taken the answer.

    Parameters
    ----------
    ask : callable or None
        Asks the user.

    Returns
    -------
    callable or None
        For one login: the next one may ask the same for the first time.
    """
    if ask is None:
        return None
    answered = ""

    def again(prompt: str, is_secret: bool) -> str | None:
        nonlocal answered
        said = ask(f"{REFUSED} {prompt}" if prompt == answered else prompt, is_secret)
        answered = prompt if said else ""
        return said

    return again
