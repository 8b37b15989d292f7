"""One prompt's continuation, collected token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import tokenizers

from zoo.generate.settings import GenerationSettings
from zoo.generate.text import Detokenizer, StopTexts


@dataclass
class Continuation:
    """What a prompt was continued by.

    Args:
        text: the new text, without the stop text or stop token that ended it.
        ids: the new tokens, a stop token included.
        logprobs: each token's log-probability under the model, where they were asked for.
        ended: `stop` for a stop token or text, `length` where the tokens ran out; empty while it goes on.
    """

    text: str = ""
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    ended: Literal["", "stop", "length"] = ""


class Collector:
    """Takes the tokens of one row until it has ended.

    Args:
        tokenizer: None where only token ids are known; there is then no text.
        most: how many tokens there is room for.
    """

    def __init__(
        self,
        tokenizer: tokenizers.Tokenizer | None,
        prompt: Sequence[int],
        settings: GenerationSettings,
        most: int,
    ) -> None:
        self.result = Continuation()
        self._settings = settings
        self.most = most
        self._words = Detokenizer(tokenizer, prompt) if tokenizer else None
        self._stops = StopTexts(settings.stop)

    def add(self, token: int, logprob: Any = None) -> str:
        """Take one more token. Returns the text it completes."""
        result = self.result
        result.ids.append(token)
        if logprob is not None:
            result.logprobs.append(float(logprob))
        text = ""
        if token in self._settings.stop_ids:
            result.ended = "stop"
        elif self._words:
            text = self._stops.add(self._words.add(token))
            if self._stops.found:
                result.ended = "stop"
        if not result.ended and len(result.ids) >= self.most:
            result.ended = "length"
        if result.ended and self._words and not self._stops.found:
            text += self._stops.add(self._words.end())
            if self._stops.found:
                result.ended = "stop"
            else:
                text += self._stops.end()
        result.text += text
        return text
