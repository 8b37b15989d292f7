"""zoo.weights.audit"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.suite.properties import examples
from zoo.errors import ZooError
from zoo.weights.audit import audit
from zoo.weights.layout import Layout, Rule, transpose

LAYOUT = Layout(
    rules=(
        Rule("net.embed.weight", "embed/table"),
        Rule("net.layer.{i}.dense.weight", "layer_{i}/dense/kernel", transpose),
        Rule("net.layer.{i}.norm.weight", "layer_{i}/norm/gamma", aliases=("net.layer.{i}.norm.gamma",)),
        Rule("head.weight", "head/kernel", transpose),
    ),
    ignore={"buffers.*": "a buffer"},
    prefix="net.",
    fresh=("head/*",),
)
SHAPES = {"embed/table": (5, 2), "layer_0/dense/kernel": (2, 3), "layer_0/norm/gamma": (2,), "head/kernel": (2, 4)}
TENSORS = {
    "net.embed.weight": np.ones((5, 2), np.float32),
    "net.layer.0.dense.weight": np.ones((3, 2), np.float32),
    "net.layer.0.norm.weight": np.ones(2, np.float32),
    "head.weight": np.ones((4, 2), np.float32),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(40))
@given(layers=st.integers(1, 12), prefix=st.booleans(), alias=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_what_a_layout_writes_it_reads_back(checkpoint, layers, prefix, alias, seed):
    rng = np.random.default_rng(seed)
    model = {"embed/table": rng.normal(size=(5, 2)), "head/kernel": rng.normal(size=(2, 4))}
    for i in range(layers):
        model[f"layer_{i}/dense/kernel"] = rng.normal(size=(2, 3))
        model[f"layer_{i}/norm/gamma"] = rng.normal(size=2)
    tensors = {}
    for path, value in model.items():
        rule, numbers = LAYOUT.rule(path)
        names = [name for name in LAYOUT.names(rule, numbers) if name.startswith("net.") == prefix] or [
            "head.weight"
        ]
        tensors[names[-1] if alias else names[0]] = rule.op.save(value)
    file = checkpoint(tensors)
    found = audit(LAYOUT, {path: value.shape for path, value in model.items()}, file)
    assert {name for name, _ in found.sources.values()} == set(tensors)
    assert not found.fresh
    assert not found.ignored
    for path, (name, op) in found.sources.items():
        np.testing.assert_array_equal(op.load(file.read(name)), model[path])


def test_a_new_head_is_listed_as_fresh_and_what_is_left_with_its_reason(checkpoint):
    tensors = {name: value for name, value in TENSORS.items() if name != "head.weight"}
    buffers = {"buffers.ids": np.arange(5), "buffers.more": np.arange(5)}
    found = audit(LAYOUT, SHAPES, checkpoint(tensors | buffers))
    assert found.fresh == ("head/kernel",)
    assert found.ignored == dict.fromkeys(buffers, "a buffer")
    assert set(found.sources) == set(SHAPES) - {"head/kernel"}
    read, new, left = str(found).splitlines()
    assert read == f"{len(SHAPES) - 1} variables from the checkpoint"
    assert new == "new, at random: head/kernel"
    assert left == "left in the checkpoint: buffers.ids, buffers.more (a buffer)"
    assert "lambda" not in repr(found)


def test_both_sides_are_listed_at_once_with_every_shape(checkpoint):
    tensors = {
        "net.embed.weight": np.ones((6, 2), np.float32),
        "net.layer.0.dense.weight": np.ones((2, 3), np.float32),
        "net.layer.1.norm.weight": np.ones(2, np.float32),
        "stranger": np.ones(1, np.float32),
    }
    with pytest.raises(ZooError, match="The weights of the toy do not fit") as caught:
        audit(LAYOUT, SHAPES | {"odd/bias": (1,)}, checkpoint(tensors))
    assert caught.value.why == [
        "'net.embed.weight' has shape (6, 2), and the config asks for (5, 2)",
        "'net.layer.0.dense.weight' has shape (2, 3), and the config asks for (3, 2)",
        "2 variables have no tensor: layer_0/norm/gamma (net.layer.0.norm.weight), odd/bias",
        "2 tensors belong to no variable: net.layer.1.norm.weight, stranger",
    ]


@pytest.mark.parametrize("missing", sorted(set(TENSORS) - {"head.weight"}))
def test_nothing_but_what_is_declared_may_be_missing(checkpoint, missing):
    with pytest.raises(ZooError) as caught:
        audit(LAYOUT, SHAPES, checkpoint({name: value for name, value in TENSORS.items() if name != missing}))
    assert missing in caught.value.why[0]


def test_a_tensor_that_is_there_under_two_names_is_not_guessed_at(checkpoint):
    twice = TENSORS | {"layer.0.norm.gamma": np.zeros(2, np.float32)}
    with pytest.raises(ZooError) as caught:
        audit(LAYOUT, SHAPES, checkpoint(twice))
    assert caught.value.why == ["1 tensor belongs to no variable: layer.0.norm.gamma"]


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_, np.int8])
def test_whole_numbers_are_no_weights(checkpoint, dtype):
    with pytest.raises(ZooError) as caught:
        audit(LAYOUT, SHAPES, checkpoint(TENSORS | {"net.embed.weight": np.ones((5, 2), dtype)}))
    assert "weights are F64, F32, F16, BF16, F8_E4M3, F8_E5M2" in caught.value.why[0]
