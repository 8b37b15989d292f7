"""What chat templates take for now: one moment for all that a process renders, or that of an earlier run.

A text is rendered in parts, and again by a run that is resumed or reproduced on another day: all of it is to agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

_moment = datetime.now()


def moment() -> datetime:
    """The moment that is rendered from."""
    return _moment


@contextmanager
def rendering_from(then: datetime | None) -> Iterator[None]:
    """Render from this moment inside of the block; None changes nothing."""
    global _moment
    before = _moment
    _moment = then or before
    try:
        yield
    finally:
        _moment = before
