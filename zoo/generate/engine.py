"""Running a model: a prompt at once, then token by token in a compiled step that keeps its cache in place."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp

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

    Args:
        model: its backbone is a `zoo.nn.Decoder`, or has `windows` and takes `cache` and `keep` as it does.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.vocab_size: int = model.config.vocab_size
        self._prefill = jax.jit(self._first, static_argnames=("shape", "columns"))
        self._decode = jax.jit(self._next, static_argnames=("shape",), donate_argnames=("keys", "seen"))
        # A function of its own: where one both reads and writes the cache, XLA writes into a copy.
        self._extend = jax.jit(extended, donate_argnames=("cache",))

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
        found, cache, keys, seen = self._prefill(
            state, arrays, data, jnp.uint32(settings.seed), shape=shape, columns=columns
        )
        for _ in range(steps - 1):
            following, pairs, keys, seen = self._decode(state, found[0], cache, keys, seen, data, shape=shape)
            cache = self._extend(cache, pairs)
            yield jax.device_get(found)
            found = following
        yield jax.device_get(found)

    def _first(
        self, state: Any, arrays: dict[str, Any], data: dict[str, Any], seed: Any, *, shape: Shape, columns: int
    ) -> Any:
        mask, numbers = arrays["attention_mask"], arrays["numbers"]
        arrays = {**arrays, "position_ids": jnp.maximum(jnp.cumsum(mask, axis=1) - 1, 0)}
        backbone = self._model.backbone
        with self._weights(state):
            features, pairs = backbone(arrays, keep=True)
            logits = self._logits(features[:, -1])
        padding = mask.shape[1] - jnp.sum(mask, axis=1)
        cache = filled(pairs, backbone.windows, padding, columns)
        rows = mask.shape[0]
        seen = None
        if shape.penalty:
            seen = jnp.zeros((rows, logits.shape[-1]), bool)
            seen = seen.at[jnp.arange(rows)[:, None], arrays["input_ids"]].max(mask > 0)
        keys = jax.vmap(functools.partial(jax.random.fold_in, jax.random.key(seed)))(numbers)
        found, seen = self._chosen(logits, cache["column"] - cache["start"], keys, seen, data, shape)
        return found, cache, keys, seen

    def _next(
        self, state: Any, tokens: Any, cache: Any, keys: Any, seen: Any, data: dict[str, Any], *, shape: Shape
    ) -> Any:
        arrays = {"input_ids": tokens[:, None], "position_ids": (cache["column"] - cache["start"])[:, None]}
        with self._weights(state):
            features, pairs = self._model.backbone(arrays, cache=cache, keep=True)
            logits = self._logits(features[:, 0])
        found, seen = self._chosen(logits, cache["column"] + 1 - cache["start"], keys, seen, data, shape)
        return found, pairs, keys, seen

    def _chosen(
        self, logits: Any, positions: Any, keys: Any, seen: Any, data: dict[str, Any], shape: Shape
    ) -> tuple[tuple[Any, Any], Any]:
        """The tokens at each row's position and their log-probabilities, and which tokens there are by then."""
        drawing = jax.vmap(jax.random.fold_in)(keys, positions)
        tokens, logprobs = choose(logits, shape, data, drawing, seen)
        if seen is not None:
            seen = seen.at[jnp.arange(tokens.shape[0]), tokens].set(True)
        return (tokens, logprobs), seen

    def _logits(self, features: Any) -> Any:
        return self._model.head(features, self._model.backbone.token_table)

    def _weights(self, state: Any) -> Any:
        return keras.StatelessScope(state_mapping=list(zip(self._model.variables, state, strict=True)))
