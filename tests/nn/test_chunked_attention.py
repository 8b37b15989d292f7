"""Attention in chunks and in bands beside the formula: values and gradients by every kind of mask, and memory."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from tests.references.attention import BATCH, numbers, seen_by_some, values_and_gradients
from zoo.nn import banded_attention, chunked_attention
from zoo.nn.attention import attend
from zoo.nn.banded_attention import attend_in_bands
from zoo.nn.chunked_attention import attend_in_chunks
from zoo.nn.masks import Mask

HEADS, KV_HEADS, DIM = 4, 2, 8
MASKS = [
    {"causal": True},
    {"causal": True, "window": 1},
    {"causal": True, "window": 5},
    {"causal": True, "window": 999},
    {"window": 4},
    {},
]
WAYS = [("chunks", rule) for rule in MASKS] + [("bands", rule) for rule in MASKS if "causal" in rule]


def rows(length):
    """A packed row with padding at its end, and one of a single segment."""
    cut = length // 3
    segments = np.zeros((BATCH, length), np.int32)
    segments[0, :cut], segments[0, cut : length - 2], segments[1] = 1, 2, 1
    kept = np.ones((BATCH, length), np.int32)
    kept[0, : length // 2] = 0  # padded on the left
    return {"packed": {"segment_ids": segments}, "padded": {"attention_mask": kept}, "plain": {}}


@pytest.mark.parametrize(("kind", "soft_cap"), [("packed", 2.0), ("padded", None), ("plain", 0.5)])
@pytest.mark.parametrize(("way", "rule"), WAYS, ids=str)
@pytest.mark.parametrize("length", [5, 21])
def test_values_and_gradients_are_the_plain_formulas(length, way, rule, kind, soft_cap, monkeypatch):
    monkeypatch.setattr(chunked_attention, "_CHUNK", 8)
    monkeypatch.setattr(banded_attention, "_BAND", 8)
    attention = {"bands": attend_in_bands, "chunks": attend_in_chunks}[way]
    *inputs, out = numbers(HEADS, KV_HEADS, length, DIM)
    arrays = {"input_ids": np.zeros((BATCH, length), np.int32), **rows(length)[kind]}
    mask = Mask.of(arrays, **rule)
    settings = {"scale": 0.3, "soft_cap": soft_cap}
    seen = seen_by_some(mask, length)
    out = out * seen

    ours = values_and_gradients(lambda *x: attention(*x, mask, **settings), *inputs, out=out)
    theirs = values_and_gradients(lambda *x: attend(*x, mask.whole(), **settings), *inputs, out=out)

    np.testing.assert_allclose(ours[0] * seen, theirs[0] * seen, atol=1e-5)
    for got, want in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(got, want, atol=2e-5)


@pytest.mark.optimized
def test_memory_grows_with_the_length_alone():
    def peak(length, window):
        shapes = [jax.ShapeDtypeStruct((1, n, length, 64), jnp.float32) for n in (4, 1, 1)]
        mask = Mask(None, None, length, causal=True, window=window)
        step = jax.jit(jax.grad(lambda *x: attend_in_chunks(*x, mask, scale=0.1).sum(), argnums=(0, 1, 2)))
        return step.lower(*shapes).compile().memory_analysis().temp_size_in_bytes

    for window in (None, 512):
        assert peak(4096, window) < 2.5 * peak(2048, window)
        assert peak(16384, window) < 2.5 * peak(8192, window)
        assert peak(8192, window) < 4 * 8192 * 8192  # one head's scores
