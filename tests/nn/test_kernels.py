"""Which way attention is computed, by the row, the mask and the device."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from zoo.nn import kernels
from zoo.nn.attention import attend
from zoo.nn.kernels import LONG, attend_by_mask
from zoo.nn.masks import Mask


@pytest.mark.parametrize(
    ("length", "causal", "device", "served", "way"),
    [
        (64, True, "cpu", True, "attend_in_bands"),
        (64, False, "cpu", True, "attend"),
        (64, True, "gpu", True, "attend"),
        (LONG, True, "gpu", True, "attend_in_flash"),
        (LONG, True, "gpu", False, "attend_in_chunks"),
        (LONG, False, "cpu", False, "attend_in_chunks"),
    ],
)
def test_the_way(length, causal, device, served, way, monkeypatch):
    for name in ("attend", "attend_in_bands", "attend_in_chunks", "attend_in_flash"):
        monkeypatch.setattr(kernels, name, lambda *args, name=name, **more: name)
    monkeypatch.setattr(kernels, "costly", lambda found: found)
    monkeypatch.setattr(kernels, "flash_serves", lambda *args: served)
    monkeypatch.setattr(jax, "default_backend", lambda: device)
    row = jax.ShapeDtypeStruct((1, 1, length, 8), jnp.float32)
    assert attend_by_mask(row, row, row, Mask(None, None, length, causal=causal), scale=1.0) == way


@pytest.mark.parametrize("length", [100, 300, LONG + 2])
def test_every_way_is_the_formula(length):
    rng = np.random.default_rng(0)
    query, key, value = (rng.standard_normal((2, n, length, 8), np.float32) for n in (4, 2, 2))
    mask = Mask(np.arange(length)[None].repeat(2, 0) // 70, None, length, causal=True)
    found = attend_by_mask(query, key, value, mask, scale=0.3, soft_cap=2.0)
    np.testing.assert_allclose(found, attend(query, key, value, mask.whole(), scale=0.3, soft_cap=2.0), atol=1e-5)
