"""Prompts in batches: rows padded on the left to a few shapes, each collected until it has ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import tokenizers

from zoo.data.batching import batches
from zoo.generate.continuation import Collector, Continuation
from zoo.generate.engine import Engine, bucket
from zoo.generate.settings import GenerationSettings
from zoo.generate.text import special_stops

_TOKENS = 16_384  # of prompts and continuations in a batch, at most, so that the cache stays small
_LOGITS = 1 << 25  # numbers of logits at a time, at most


class Continuer:
    """Continues prompts with one model and one way to choose tokens.

    Args:
        tokenizer: None where only token ids are known; there is then no text.
        logprobs: each token's log-probability is wanted.
    """

    def __init__(
        self,
        engine: Engine,
        settings: GenerationSettings,
        tokenizer: tokenizers.Tokenizer | None,
        *,
        logprobs: bool = False,
    ) -> None:
        if tokenizer:
            ends = settings.stop_ids | special_stops(tokenizer, settings.stop)
            settings = dataclasses.replace(settings, stop_ids=ends)
        self._engine, self._settings, self._tokenizer = engine, settings, tokenizer
        self._logprobs = logprobs

    def all(self, prompts: Sequence[Sequence[int]], most: Sequence[int]) -> list[Continuation]:
        """The continuation of each prompt, by at most so many tokens."""
        found = [Continuation()] * len(prompts)
        sizes = [len(prompt) + room for prompt, room in zip(prompts, most, strict=True)]
        most_rows = max(1, _LOGITS // self._engine.vocab_size)
        # A row more costs a step next to nothing, and a batch more costs all its steps.
        for batch in batches(sizes, tokens=_TOKENS, rows=most_rows, worth=_TOKENS):
            collectors = [self._collector(prompts[n], most[n]) for n in batch.indices]
            for _ in self._steps([prompts[n] for n in batch.indices], batch.indices, batch.rows, collectors):
                pass
            for n, collector in zip(batch.indices, collectors, strict=True):
                found[n] = collector.result
        return found

    def stream(self, prompt: Sequence[int], most: int) -> Iterator[str]:
        """The text of one continuation as it comes, whole characters at a time."""
        for (text,) in self._steps([prompt], [0], 1, [self._collector(prompt, most)]):
            if text:
                yield text

    def _collector(self, prompt: Sequence[int], most: int) -> Collector:
        return Collector(self._tokenizer, prompt, self._settings, most)

    def _steps(
        self, prompts: Sequence[Sequence[int]], numbers: Sequence[int], rows: int, collectors: list[Collector]
    ) -> Iterator[list[str]]:
        """The text that each step adds to each row, until all have ended."""
        arrays = _padded_left(prompts, numbers, rows)
        most = max(collector.most for collector in collectors)
        for tokens, logprobs in self._engine.run(arrays, self._settings, most, logprobs=self._logprobs):
            texts = []
            for row, collector in enumerate(collectors):
                logprob = None if logprobs is None else logprobs[row]
                texts.append("" if collector.result.ended else collector.add(int(tokens[row]), logprob))
            yield texts
            if all(collector.result.ended for collector in collectors):
                return


def _padded_left(prompts: Sequence[Sequence[int]], numbers: Sequence[int], rows: int) -> dict[str, np.ndarray]:
    """`input_ids` and `attention_mask` `(rows, length)`, and `numbers` `(rows,)`, which decide each row's draws.

    The rows beyond the prompts repeat the first, and nobody reads them.
    """
    shape = (rows, bucket(max(len(prompt) for prompt in prompts)))
    arrays = {name: np.zeros(shape, np.int32) for name in ("input_ids", "attention_mask")}
    for row in range(rows):
        prompt = prompts[row] if row < len(prompts) else prompts[0]
        arrays["input_ids"][row, shape[1] - len(prompt) :] = prompt
        arrays["attention_mask"][row, shape[1] - len(prompt) :] = 1
    drawn = np.zeros(rows, np.uint32)
    drawn[: len(prompts)] = numbers
    return {**arrays, "numbers": drawn}
