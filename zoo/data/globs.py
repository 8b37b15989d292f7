"""Patterns of paths, as the Hub's data sets use them: `*` stays within a folder, `**` goes through them."""

from __future__ import annotations

import re

_PARTS = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]|.", re.DOTALL)
_FIXED = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def is_pattern(path: str) -> bool:
    return any(sign in path for sign in "*?[")


def matching(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression for whole paths; one that fits nothing where it has an empty range."""
    try:
        return re.compile("".join(_expression(part) for part in _PARTS.findall(pattern)))
    except re.error:
        return re.compile("(?!)")


def _expression(part: str) -> str:
    if part in _FIXED:
        return _FIXED[part]
    if len(part) > 1:  # a set of characters
        inside = part[1:-1]
        inverted, inside = inside.startswith("!"), inside.removeprefix("!")
        escaped = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside)
        return f"(?!/)[{'^' if inverted else ''}{escaped}]"
    return re.escape(part)
