"""zoo.weights.layout"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zoo.weights.layout import Layout, Rule, channels_last, same, transpose

LAYOUT = Layout(
    rules=(
        Rule("net.embed.weight", "embed/table"),
        Rule("net.layer.{i}.dense.weight", "layer_{i}/dense/kernel", transpose),
        Rule("net.layer.{i}.norm.weight", "layer_{i}/norm/gamma", aliases=("net.layer.{i}.norm.gamma",)),
        Rule("net.{i}.of.{i}.weight", "pair_{i}/of_{i}"),
        Rule("head.weight", "head/kernel", transpose, aliases=("scorer.weight",)),
    ),
    ignore={"buffers.*": "a buffer", "pooler.*.weight": "unused"},
    prefix="net.",
    fresh=("head/*",),
    labelled=("head/*",),
)
NUMBER = st.integers(0, 10**6).map(str)


@given(NUMBER)
def test_a_number_is_the_same_on_both_sides(i):
    rule, found = LAYOUT.rule(f"layer_{i}/dense/kernel")
    assert found == {"i": i}
    assert list(LAYOUT.names(rule, found)) == [f"net.layer.{i}.dense.weight", f"layer.{i}.dense.weight"]
    rule, found = LAYOUT.rule(f"pair_{i}/of_{i}")
    assert next(LAYOUT.names(rule, found)) == f"net.{i}.of.{i}.weight"


@given(NUMBER, NUMBER)
def test_every_letter_is_a_number_of_its_own(i, j):
    layout = Layout((Rule("stages.{i}.layers.{j}.weight", "stage_{i}/layer_{j}/kernel"),), prefix="")
    row = layout.rule(f"stage_{i}/layer_{j}/kernel")
    assert list(layout.names(*row)) == [f"stages.{i}.layers.{j}.weight"]
    assert layout.rule(f"stage_{i}/layer_x/kernel") is None


def test_what_is_written_comes_first_then_every_other_name():
    assert list(LAYOUT.names(*LAYOUT.rule("layer_7/norm/gamma"))) == [
        "net.layer.7.norm.weight",
        "layer.7.norm.weight",
        "net.layer.7.norm.gamma",
        "layer.7.norm.gamma",
    ]
    assert list(LAYOUT.names(*LAYOUT.rule("head/kernel"))) == ["head.weight", "scorer.weight"]
    assert list(LAYOUT.names(*LAYOUT.rule("embed/table"))) == ["net.embed.weight", "embed.weight"]


STRANGERS = "embed embed/table/more embedXtable layer_/dense/kernel layer_x/dense/kernel pair_1/of_2"
STRANGERS += " layer_1/dense/kernel2 my/layer_1/dense/kernel"


@pytest.mark.parametrize("variable", ["", *STRANGERS.split()])
def test_a_variable_without_a_row_has_none(variable):
    assert LAYOUT.rule(variable) is None


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        ("buffers.a", "a buffer"),
        ("net.buffers.a.b", "a buffer"),
        ("pooler.dense.weight", "unused"),
        ("pooler.dense.bias", ""),
        ("my.buffers.a", ""),
        ("buffers", ""),
    ],
)
def test_a_tensor_is_ignored_by_name_and_for_a_reason(tensor, reason):
    assert LAYOUT.ignored(tensor) == reason


def test_only_what_is_declared_may_be_fresh():
    assert LAYOUT.may_be_fresh("head/kernel")
    assert not LAYOUT.may_be_fresh("ahead/kernel")
    assert not LAYOUT.may_be_fresh("embed/table")


@pytest.mark.parametrize("name", ["head.weight", "scorer.weight"])
def test_other_labels_leave_the_output_layer_behind_under_any_name(name):
    other = LAYOUT.relabelled()
    assert other.rule("head/kernel") is None
    assert other.ignored(name) == "an output layer for other labels"
    assert other.may_be_fresh("head/kernel")
    assert other.rule("embed/table") is not None
    assert other.ignored("buffers.a") == "a buffer"


def test_other_labels_leave_numbered_and_prefixed_output_layers_behind():
    rules = (Rule("net.out.{i}.weight", "out_{i}/kernel", aliases=("net.out.{i}.gamma",)),)
    other = Layout(rules, prefix="net.", labelled=("out_*",)).relabelled()
    for name in ("net.out.3.weight", "out.3.weight", "net.out.3.gamma", "out.3.gamma"):
        assert other.ignored(name)
    assert other.may_be_fresh("out_3/kernel")


@given(
    arrays.arrays(np.float32, arrays.array_shapes(min_dims=0, max_dims=4, max_side=4)),
    st.sampled_from([same, transpose]),
)
def test_an_op_is_undone_by_its_reverse(array, op):
    assert op.save(array).shape == op.shape(array.shape)
    np.testing.assert_array_equal(op.load(op.save(array)), array)
    np.testing.assert_array_equal(op.save(op.load(array)), array)


@given(arrays.arrays(np.float32, arrays.array_shapes(min_dims=4, max_dims=4, max_side=4)))
def test_a_convolution_s_kernel_comes_back_from_channels_last(array):
    there = channels_last.load(array)
    assert there.shape == (*array.shape[2:], array.shape[1], array.shape[0])
    assert channels_last.shape(there.shape) == array.shape
    np.testing.assert_array_equal(channels_last.save(there), array)
