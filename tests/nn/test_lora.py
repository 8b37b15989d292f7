"""The change of low rank, its gradients, and how XLA lays them out."""

from __future__ import annotations

import re

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from zoo.nn.lora import _change


def plain(x, a, b, scale):
    return (x @ a) * scale @ b


@pytest.mark.parametrize("shape", [(5,), (7, 5), (2, 3, 5), (0, 5)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_change_and_its_gradients(shape, dtype):
    rng = np.random.default_rng(0)
    x, a, b = (jnp.asarray(rng.standard_normal(s, np.float32), dtype) for s in (shape, (5, 2), (2, 3)))
    seed = jnp.asarray(rng.standard_normal((*shape[:-1], 3), np.float32), dtype)

    got, back = jax.vjp(lambda *args: _change(*args, 0.7), x, a, b)
    want, known = jax.vjp(lambda *args: plain(*args, 0.7), x, a, b)

    close = {"atol": 1e-5} if dtype == "float32" else {"atol": 0.05, "rtol": 0.02}
    for ours, theirs in zip((got, *back(seed)), (want, *known(seed)), strict=True):
        assert ours.dtype == theirs.dtype == dtype
        np.testing.assert_allclose(*(np.asarray(v, np.float32) for v in (ours, theirs)), **close)


def test_no_long_array_is_turned_for_the_gradients():
    def turned(change) -> list[str]:
        """The arrays that the gradient's program copies in another order, with the 200 rows last."""

        def loss(a, b, x):
            return jnp.sum(jax.nn.gelu(change(x, a, b, 2.0)) ** 2)

        shapes = [jax.ShapeDtypeStruct(s, np.float32) for s in ((64, 8), (8, 96), (5, 40, 64))]
        text = jax.jit(jax.grad(loss, (0, 1))).lower(*shapes).compile().as_text()
        return re.findall(r"= f32\[\d+,(?:5,40|200)\]\S* (?:copy|fusion)\(", text)

    assert turned(_change) == []
    assert turned(plain)
