"""From tokens to text as they come: whole characters only, and nothing of a stop text."""

from __future__ import annotations

from collections.abc import Sequence

import tokenizers

_UNFINISHED = "\ufffd"  # what a tokenizer makes of bytes that are no character yet
_CONTEXT = 8  # tokens of the prompt that decide how the first new one is written, such as with a space before it


class Detokenizer:
    """Decodes the continuation of a prompt token by token.

    A token's text can depend on the tokens around it, so a few are decoded together, and what is new is told by
    the difference.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer, prompt: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self._ids = list(prompt[-_CONTEXT:])
        self._told = self._decode(self._ids)
        self._read = len(self._ids)

    def add(self, token: int) -> str:
        """The text that this token completes; empty where a character is still missing bytes."""
        self._ids.append(token)
        text = self._decode(self._ids)
        if text.endswith(_UNFINISHED):
            return ""
        return self._tell(text)

    def end(self) -> str:
        """What is left, unfinished characters included."""
        return self._tell(self._decode(self._ids))

    def _tell(self, text: str) -> str:
        # A character that the prompt leaves unfinished is told when it is whole; a sign that stays is the prompt's.
        told = self._told if text.startswith(self._told) else self._told.rstrip(_UNFINISHED)
        new = text[len(told) :]
        kept = self._ids[self._read :]
        if told := self._decode(kept):  # special tokens alone would make the next word the first
            self._ids, self._told = kept, told
        else:
            self._told = text
        self._read = len(self._ids)
        return new

    def _decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=True)


def special_stops(tokenizer: tokenizers.Tokenizer, stops: Sequence[str]) -> frozenset[int]:
    """The tokens whose whole content is a stop text, and which decoding leaves out, so that no text has it."""
    added = tokenizer.get_added_tokens_decoder() if stops else {}
    return frozenset(number for number, token in added.items() if token.special and token.content in stops)


class StopTexts:
    """Holds back what may be the beginning of a stop text, and ends where one is complete."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.found = False

    def add(self, text: str) -> str:
        """The text that is certain by now to come before any stop text."""
        self._held += text
        at = min((n for n in (self._held.find(stop) for stop in self._stops) if n >= 0), default=-1)
        if at >= 0:
            self.found = True
            return self._release(at, drop=True)
        return self._release(len(self._held) - self._begun())

    def end(self) -> str:
        """What was held back for nothing."""
        return self._release(len(self._held))

    def _begun(self) -> int:
        """How many characters at the end could begin a stop text."""
        longest = max((len(stop) - 1 for stop in self._stops), default=0)
        sizes = range(min(longest, len(self._held)), 0, -1)
        return next((n for n in sizes if any(s.startswith(self._held[-n:]) for s in self._stops)), 0)

    def _release(self, count: int, *, drop: bool = False) -> str:
        text, self._held = self._held[:count], "" if drop else self._held[count:]
        return text
