"""The one error users meet: what happened, why, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZooError(Exception):
    """A request that cannot be served, told in one screen.

    Args:
        what: what happened, in one sentence.
        why: the facts behind it; a list is shown one fact a line.
        fix: what the reader can do about it.

    Attributes:
        exit_code: what a command exits with: 2, the request was wrong and nothing was started.
    """

    exit_code = 2
    _keras_call_info_injected = True  # Keras raises what it has worked on as it is; else the facts would be lost

    def __init__(self, what: str, *, why: str | Iterable[str] = (), fix: str = "") -> None:
        self.what = what
        self.why = [why] if isinstance(why, str) else list(why)
        self.fix = fix
        super().__init__(what)

    def __str__(self) -> str:
        lines = [self.what, *(f"  - {fact}" for fact in self.why)]
        if self.fix:
            lines.append(self.fix)
        return "\n".join(lines)

    def __reduce__(self):
        return _rebuild, (type(self), self.what, self.why, self.fix)


def _rebuild(kind: type[ZooError], what: str, why: list[str], fix: str) -> ZooError:
    return kind(what, why=why, fix=fix)


class RunError(ZooError):
    """Something failed while it was running; a command exits with 1."""

    exit_code = 1


class Faults:
    """Collects every fault of one input, so that the user hears of all of them at once."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, fault: str) -> None:
        self.found.append(fault)

    def __bool__(self) -> bool:
        return bool(self.found)

    def check(self, what: str, *, fix: str = "") -> None:
        """Raise a ZooError that lists the faults, if there are any."""
        if self.found:
            raise ZooError(what, why=self.found, fix=fix)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`" Did you mean 'bert_base'?"`, or an empty string where nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def some(items: Iterable[object], limit: int = 8) -> str:
    """The items in a row, cut after `limit`: `'1, 2, 3, ... (40 more)'`."""
    listed = [str(item) for item in items]
    if len(listed) <= limit:
        return ", ".join(listed)
    return f"{', '.join(listed[:limit])}, ... ({len(listed) - limit} more)"


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things: `'1 row'`, `'1,204 rows'`; `many` is for more than another letter, as `'rows are'`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
