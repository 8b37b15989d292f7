"""Flash attention beside the plain formula: the kernel on a GPU (`-m gpu`), and anywhere what it is told."""

from __future__ import annotations

import types

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from tests.references.attention import BATCH, numbers, seen_by_some, values_and_gradients
from zoo.nn import flash_attention
from zoo.nn.attention import attend
from zoo.nn.flash_attention import attend_in_flash, flash_serves
from zoo.nn.masks import Mask

RULES = [
    {"causal": True},
    {"causal": True, "window": 1},
    {"causal": True, "window": 33},
    {"causal": True, "window": 9999},
    {"window": 33},
    {},
]


def mask_of(kind, length, **rule):
    """Packed rows with padding at the end, rows padded on the left, or rows of one text each."""
    cuts = np.array([[length // 3, length // 2, length - 4], [length // 5, length - 60, length]])
    segments = (np.arange(length)[None, :, None] >= cuts[:, None, :]).sum(-1) + 1
    segments[segments == 4] = 0
    kept = np.ones((BATCH, length), np.int32)
    kept[0, : length // 3] = 0
    arrays = {"packed": {"segment_ids": segments.astype(np.int32)}, "padded": {"attention_mask": kept}, "plain": {}}
    return Mask.of({"input_ids": kept, **arrays[kind]}, **rule)


def apart(found, wanted):
    found, wanted = (np.asarray(x, np.float32) for x in (found, wanted))
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["packed", "padded", "plain"])
@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize(
    ("heads", "kv_heads", "length", "head_dim"),
    [(4, 1, 2048, 256), (8, 2, 130, 64), (4, 4, 1026, 64)],
)
def test_the_kernel_is_as_near_to_the_formula_in_float32_as_the_formula_in_bfloat16(
    heads, kv_heads, length, head_dim, rule, kind
):
    mask, scale = mask_of(kind, length, **rule), head_dim**-0.5
    *inputs, out = numbers(heads, kv_heads, length, head_dim, jnp.bfloat16)
    assert flash_serves(inputs[0], mask)
    seen = seen_by_some(mask, length)
    out = out * seen
    plain = lambda *x: attend(*x, mask.whole(), scale=scale) * seen  # noqa: E731

    exact = [x.astype(jnp.float32) for x in inputs]
    with jax.default_matmul_precision("highest"):
        wanted = values_and_gradients(plain, *exact, out=out.astype(jnp.float32))
    narrow = values_and_gradients(plain, *inputs, out=out)
    found = values_and_gradients(lambda *x: attend_in_flash(*x, mask, scale=scale) * seen, *inputs, out=out)

    for ours, theirs, both in zip(found, narrow, wanted, strict=True):
        assert apart(ours, both) <= max(apart(theirs, both), 2**-8)  # bfloat16's own step, where both are as near


@pytest.mark.parametrize("kind", ["packed", "padded", "plain"])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_what_the_kernel_is_told_is_the_mask(rule, kind, monkeypatch):
    """By the formula of the same library, which takes the same arguments, runs anywhere, and in float32."""
    monkeypatch.setattr(flash_attention, "_KERNEL", "xla")
    length = 70
    mask = mask_of(kind, length, **rule)
    *inputs, out = numbers(4, 2, length, 8, jnp.float32)
    seen = seen_by_some(mask, length)

    found = values_and_gradients(lambda *x: attend_in_flash(*x, mask, scale=0.3) * seen, *inputs, out=out)
    wanted = values_and_gradients(lambda *x: attend(*x, mask.whole(), scale=0.3) * seen, *inputs, out=out)

    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize(
    ("change", "serves"),
    [
        ({}, True),
        ({"head_dim": 256}, True),
        ({"kind": "plain", "length": 1 << 16}, True),
        ({"length": 1 << 16}, False),  # its table would have as many numbers as the scores of one head
        ({"length": 1025}, False),
        ({"head_dim": 80}, False),  # nor of such heads
        ({"dtype": jnp.float32}, False),
        ({"soft_cap": 50.0}, False),
        ({"capability": "8.0"}, False),  # where nobody has compared it
        ({"platform": "cpu"}, False),
    ],
    ids=str,
)
def test_what_it_serves(change, serves, monkeypatch):
    case = {"length": 1024, "head_dim": 64, "dtype": jnp.bfloat16, "soft_cap": None, "kind": "packed"}
    case |= {"platform": "gpu", "capability": "9.0", **change}
    device = types.SimpleNamespace(platform=case["platform"], compute_capability=case["capability"])
    monkeypatch.setattr(jax, "devices", lambda: [device])
    query = jax.ShapeDtypeStruct((BATCH, 4, case["length"], case["head_dim"]), case["dtype"])
    shape = jax.ShapeDtypeStruct(query.shape[::2], jnp.int32)
    mask = Mask(shape if case["kind"] == "packed" else None, None, case["length"], causal=True)
    assert flash_serves(query, mask, case["soft_cap"]) is serves
