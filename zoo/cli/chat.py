"""`zoo generate --chat`: a conversation in the terminal."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
from collections.abc import Iterator
from typing import Any

import click

from zoo.errors import ZooError

_COMMAND = re.compile(r"/\w*")  # no question, if it is all that a line says
_HELP = "/reset forgets what was said, /quit or Ctrl-D ends, Ctrl-C stops an answer"


def chat(model: Any, system: str = "", **settings: Any) -> None:
    """Ask for questions until there are no more, and stream the answer to each.

    Args:
        system: what stands above the whole conversation.
        settings: as for `model.generate`.

    Raises a ZooError where the model cannot chat at all.
    """
    opening = [{"role": "system", "content": system}] if system else []
    model.chat_prompt([*opening, {"role": "user", "content": "Hello"}])
    said = list(opening)
    _note(_HELP)
    for question in _questions():
        if _COMMAND.fullmatch(question):
            if question == "/reset":
                said = list(opening)
            _note("what was said is forgotten" if question == "/reset" else _HELP)
            continue
        said.append({"role": "user", "content": question})
        try:
            answer = _answer(model.chat(said, stream=True, **settings))
        except ZooError as error:
            _note(f"{error}\n/reset begins anew.")
            said.pop()
            continue
        said.append({"role": "assistant", "content": answer})


def _questions() -> Iterator[str]:
    """What is typed, line by line, until /quit or the end."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  input() edits lines and keeps a history once it is there
    asking = "> " if sys.stdin.isatty() else ""
    while True:
        try:
            line = input(asking).strip()
        except EOFError:
            if asking:
                click.echo()
            return
        except KeyboardInterrupt:
            click.echo()
            _note(_HELP)
            continue
        if line == "/quit":
            return
        if line:
            yield line


def _answer(pieces: Iterator[str]) -> str:
    """Print an answer as it comes, up to where Ctrl-C stops it. Returns what was printed."""
    told, stopped = "", []

    def stop(*_: Any) -> None:
        stopped.append(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # so that the next ends all

    # A flag, no exception: jax does not bear one in the midst of compiling.
    before = signal.signal(signal.SIGINT, stop)
    try:
        for piece in pieces:
            if stopped:
                break
            told += piece
            click.echo(piece, nl=False)
    finally:
        signal.signal(signal.SIGINT, before)
    click.echo()
    return told


def _note(text: str) -> None:
    click.echo(click.style(text, dim=True), err=True)
