"""Running a model: a prompt at once, then token by token in a compiled step that keeps its cache in place."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp

from zoo.backend import compiled
from zoo.generate.sampling import Shape, choose, numbers
from zoo.generate.settings import GenerationSettings
from zoo.nn.key_value_cache import extended, filled

_SHORTEST = 16


def bucket(count: int) -> int:
    """The next of a few sizes, 16, 24, 32, 48, 64, 96, ..., so that a handful of shapes compiles."""
    size = _SHORTEST
    while size < count:
        half = size + size // 2
        if half >= count:
            return half
        size *= 2
    return size


class Engine:
    """The compiled functions of one model.

    What runs the model is compiled for a shape of rows and cache alone. What chooses the tokens is compiled for
    each way to choose them, beside the writing of the cache, which takes little.

    Args:
        model: its backbone is a `zoo.nn.Decoder`, or has `windows` and takes `cache` and `keep` as it does.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.vocab_size: int = model.config.vocab_size
        self._prefill = compiled(self._run_prompt)
        self._decode = compiled(self._run_token)
        # Apart from `decode`: where one function both reads and writes the cache, XLA writes into a copy.
        self._first = jax.jit(self._choose_first, static_argnames=("shape", "columns"))
        self._next = jax.jit(_choose_next, static_argnames=("shape",), donate_argnames=("cache", "seen"))

    def run(
        self, arrays: dict[str, np.ndarray], settings: GenerationSettings, steps: int, *, logprobs: bool
    ) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """The next token of every row, `steps` times, and its log-probability if it is wanted.

        The device works one step ahead of what is yielded.

        Args:
            arrays: `input_ids` and `attention_mask` `(rows, length)`, padded on the left, and `numbers` `(rows,)`:
                with the seed they decide what a row draws, wherever it stands.
        """
        shape = Shape.of(settings.sampling, logprobs, self.vocab_size)
        data = numbers(settings.sampling)
        state = [variable.value for variable in self._model.variables]
        columns = bucket(arrays["input_ids"].shape[1] + steps)
        seed = jnp.uint32(settings.seed)
        logits, pairs = self._prefill(state, {name: arrays[name] for name in ("input_ids", "attention_mask")})
        found, cache, keys, seen = self._first(logits, pairs, arrays, data, seed, shape=shape, columns=columns)
        del pairs
        for _ in range(steps - 1):
            logits, pairs = self._decode(state, found[0], cache)
            following, cache, seen = self._next(logits, pairs, cache, keys, seen, data, shape=shape)
            yield jax.device_get(found)
            found = following
        yield jax.device_get(found)

    def _run_prompt(self, state: Any, arrays: dict[str, Any]) -> Any:
        """The logits after each row `(rows, vocab_size)`, and the keys and values of all its tokens."""
        positions = jnp.maximum(jnp.cumsum(arrays["attention_mask"], axis=1) - 1, 0)
        with self._weights(state):
            features, pairs = self._model.backbone({**arrays, "position_ids": positions}, keep=True)
            return self._logits(features[:, -1]), pairs

    def _run_token(self, state: Any, tokens: Any, cache: Any) -> Any:
        """The logits after one more token of each row, and its keys and values."""
        arrays = {"input_ids": tokens[:, None], "position_ids": (cache["column"] - cache["start"])[:, None]}
        with self._weights(state):
            features, pairs = self._model.backbone(arrays, cache=cache, keep=True)
            return self._logits(features[:, 0]), pairs

    def _choose_first(
        self,
        logits: Any,
        pairs: Any,
        arrays: dict[str, Any],
        data: dict[str, Any],
        seed: Any,
        *,
        shape: Shape,
        columns: int,
    ) -> Any:
        """The tokens that follow the prompts, and what the next ones are chosen by: cache, keys, tokens seen."""
        mask = arrays["attention_mask"]
        cache = filled(pairs, self._model.backbone.windows, mask.shape[1] - jnp.sum(mask, axis=1), columns)
        seen = None
        if shape.penalty:
            seen = jnp.zeros(logits.shape, bool)
            seen = seen.at[jnp.arange(len(mask))[:, None], arrays["input_ids"]].max(mask > 0)
        keys = jax.vmap(functools.partial(jax.random.fold_in, jax.random.key(seed)))(arrays["numbers"])
        keys = jax.random.key_data(keys)  # keys themselves as arguments take jax's slow way into a function
        found, seen = _chosen(logits, cache, keys, seen, data, shape)
        return found, cache, keys, seen

    def _logits(self, features: Any) -> Any:
        return self._model.head(features, self._model.backbone.token_table)

    def _weights(self, state: Any) -> Any:
        return keras.StatelessScope(state_mapping=list(zip(self._model.variables, state, strict=True)))


def _choose_next(
    logits: Any, pairs: Any, cache: Any, keys: Any, seen: Any, data: dict[str, Any], *, shape: Shape
) -> Any:
    """The tokens that follow those of `pairs`, the cache with these in it, and the tokens seen by then."""
    cache = extended(cache, pairs)
    found, seen = _chosen(logits, cache, keys, seen, data, shape)
    return found, cache, seen


def _chosen(
    logits: Any, cache: Any, keys: Any, seen: Any, data: dict[str, Any], shape: Shape
) -> tuple[tuple[Any, Any], Any]:
    """The tokens at each row's next position and their log-probabilities, and which tokens there are by then."""
    drawing = jax.vmap(jax.random.fold_in)(jax.random.wrap_key_data(keys), cache["column"] - cache["start"])
    tokens, logprobs = choose(logits, shape, data, drawing, seen)
    if seen is not None:
        seen = seen.at[jnp.arange(tokens.shape[0]), tokens].set(True)
    return (tokens, logprobs), seen
