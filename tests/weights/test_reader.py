"""zoo.weights.reader"""

from __future__ import annotations

import json
import os
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.suite.properties import examples
from zoo.errors import ZooError
from zoo.hub.files import local_files
from zoo.weights.container import hostile_name
from zoo.weights.reader import Checkpoint

DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2]
SHAPE = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
TENSORS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(
        lambda name: name != "__metadata__" and not hostile_name(name)
    ),
    # The library's numpy side knows no 8-bit floats.
    st.tuples(st.sampled_from(DTYPES[:4]), SHAPE, st.integers(0, 2**32 - 1)),
    max_size=5,
)


def raw(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def entry(start: int = 0, end: int = 4, dtype: str = "F32", shape: tuple[int, ...] = (1,)) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


def container(arrays: dict[str, np.ndarray]) -> bytes:
    """The arrays as a file, written here byte by byte."""
    names = {
        "float64": "F64",
        "float32": "F32",
        "float16": "F16",
        "bfloat16": "BF16",
        "float8_e4m3fn": "F8_E4M3",
        "float8_e5m2": "F8_E5M2",
    }
    header, body = {}, b""
    for name, array in arrays.items():
        content = np.ascontiguousarray(array).tobytes()
        header[name] = entry(len(body), len(body) + len(content), names[array.dtype.name], array.shape)
        body += content
    return raw(header, body)


def opened(tmp_path: Path, content: bytes) -> Checkpoint:
    (tmp_path / "model.safetensors").write_bytes(content)
    return Checkpoint([tmp_path / "model.safetensors"], "the toy")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(plan=TENSORS)
def test_every_number_is_what_the_safetensors_library_reads(tmp_path, plan):
    path = tmp_path / "model.safetensors"
    tensors = {
        name: np.asarray(np.random.default_rng(seed).normal(size=shape)).astype(dtype)
        for name, (dtype, shape, seed) in plan.items()
    }
    path.write_bytes(container(tensors))
    checkpoint = Checkpoint([path], "the toy")
    with safe_open(path, framework="numpy") as reference:
        assert set(checkpoint.tensors) == set(reference.keys())
        for name in tensors:
            expected, found = reference.get_tensor(name), checkpoint.read(name)
            assert (
                (found.dtype, found.shape)
                == (expected.dtype, expected.shape)
                == (found.dtype, checkpoint.shape(name))
            )
            assert found.tobytes() == expected.tobytes() == tensors[name].tobytes()
            assert found.flags.writeable
    assert checkpoint.parameters == sum(tensor.size for tensor in tensors.values())


def test_shards_are_one_checkpoint(tmp_path):
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for number, name in enumerate(names):
        save_file({f"tensor.{number}": np.full(3, number, np.float32)}, tmp_path / name)
    index = {"weight_map": {f"tensor.{number}": name for number, name in enumerate(names)}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    checkpoint = Checkpoint(local_files(tmp_path).weights(), "the toy")
    for number in (0, 1):
        np.testing.assert_array_equal(checkpoint.read(f"tensor.{number}"), np.full(3, number))


def test_a_tensor_in_two_shards_is_refused(tmp_path):
    for name in "ab":
        save_file({"twice": np.ones(1, np.float32), name: np.ones(1, np.float32)}, tmp_path / name)
    with pytest.raises(ZooError, match="Tensor 'twice' of the toy is in two files"):
        Checkpoint([tmp_path / "a", tmp_path / "b"], "the toy")


def test_whole_numbers_are_listed_and_not_counted(tmp_path):
    save_file({"ids": np.arange(5), "w": np.ones((2, 3), np.float16)}, tmp_path / "a")
    checkpoint = Checkpoint([tmp_path / "a"], "the toy")
    assert "ids" in checkpoint
    assert not checkpoint.is_float("ids")
    assert checkpoint.is_float("w")
    assert checkpoint.parameters == 6
    with pytest.raises(ZooError, match="'ids' has dtype I64"):
        checkpoint.read("ids")


DAMAGED = {
    "empty": b"",
    "no header": b"\0" * 8,
    "header longer than the file": raw({"a": entry()}, bytes(4), length=10_000),
    "header of 2**63 bytes": raw({}, length=2**63),
    "not JSON": raw(b"{'a': 1}"),
    "not text": raw(b"\xff\xff"),
    "not an object": raw([]),
    "truncated body": raw({"a": entry()}, bytes(3)),
    "trailing bytes": raw({"a": entry()}, bytes(5)),
    "overlap": raw({"a": entry(), "b": entry(2, 6)}, bytes(6)),
    "hole": raw({"a": entry(), "b": entry(8, 12)}, bytes(12)),
    "size unlike the shape": raw({"a": entry(shape=(2,))}, bytes(4)),
    "negative shape": raw({"a": entry(shape=(-1,))}, bytes(4)),
    "overflowing shape": raw({"a": entry(shape=(2**33, 2**33))}, bytes(4)),
    "unknown dtype": raw({"a": entry(dtype="F5")}, bytes(4)),
    "duplicate key": raw(b'{"a":%s,"a":%s}' % ((json.dumps(entry()).encode(),) * 2), bytes(4)),
    "duplicate offsets": raw(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"shape":[1]}}', bytes(4)),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_refused(tmp_path, content):
    with pytest.raises(ZooError, match="is not a sound safetensors file"):
        opened(tmp_path, content)


def test_a_sound_file_cut_anywhere_is_refused(tmp_path):
    save_file({"a": np.ones((2, 2), np.float32), "b": np.ones(3, np.float16)}, tmp_path / "sound")
    content = (tmp_path / "sound").read_bytes()
    for length in range(len(content)):
        with pytest.raises(ZooError):
            opened(tmp_path, content[:length])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200) | st.binary(max_size=60).map(raw))
def test_any_bytes_are_a_checkpoint_or_a_zoo_error(tmp_path, content):
    try:
        checkpoint = opened(tmp_path, content)
    except ZooError:
        return
    assert not checkpoint.tensors


@pytest.mark.parametrize("shape", [(0, 2**62, 2**62), (2**41, 0), (1,) * 33])
def test_a_shape_that_no_array_can_have_is_refused(tmp_path, shape):
    with pytest.raises(ZooError, match="is not a sound safetensors file") as caught:
        opened(
            tmp_path, raw({"a": entry(0, 4 if 0 not in shape else 0, shape=shape)}, bytes(0 if 0 in shape else 4))
        )
    assert caught.value.why == ["tensor 'a' has a shape that no array can have"]


@pytest.mark.parametrize(
    "name", ["", "../../a", "a/../b", "/etc/passwd", "a\\b", "a\n", "\x1b[2J", "\u202e", "x" * 513]
)
def test_a_hostile_name_is_refused(tmp_path, name):
    with pytest.raises(ZooError, match="is not a sound safetensors file") as caught:
        opened(tmp_path, raw({name: entry(), "b": entry(4, 8)}, bytes(8)))
    assert len(caught.value.why) == 1
    assert caught.value.why[0].isprintable()


def test_a_header_too_long_for_any_model_is_refused_before_it_is_read(tmp_path):
    with pytest.raises(ZooError) as caught:
        opened(tmp_path, raw(b"{" + b" " * (17 << 20) + b"}"))
    assert "its header has 17,825,794 bytes; zoo reads 16,777,216 at most" in caught.value.why


def test_what_is_no_regular_file_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ZooError, match="is not a sound safetensors file"):
        Checkpoint([tmp_path / "pipe"], "the toy")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("target", [np.float32, ml_dtypes.bfloat16])
def test_nan_and_infinity_are_refused_wherever_they_are(tmp_path, dtype, value, target):
    if dtype is ml_dtypes.float8_e4m3fn:
        value = np.nan  # it has no infinity
    array = np.ones((700, 1000), np.float32).astype(dtype)
    array[-1, -1] = value
    checkpoint = opened(tmp_path, container({"a": array}))
    with pytest.raises(ZooError, match="'a' of the toy holds NaN or infinity"):
        checkpoint.read_into("a", np.empty((1000, 700), target).T)


def test_a_number_too_large_for_the_model_is_refused(tmp_path):
    checkpoint = opened(tmp_path, container({"a": np.array([1e300])}))
    assert checkpoint.read("a") == [1e300]
    with pytest.raises(ZooError, match="holds NaN or infinity as float32"):
        checkpoint.read_into("a", np.empty(1, np.float32))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(40))
@given(
    dtype=st.sampled_from(DTYPES),
    target=st.sampled_from([np.float32, ml_dtypes.bfloat16]),
    shape=arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=90),
    turned=st.booleans(),
)
def test_a_tensor_is_read_into_any_view_of_any_dtype(tmp_path, dtype, target, shape, turned):
    array = np.random.default_rng(0).normal(size=shape).astype(dtype)
    checkpoint = opened(tmp_path, container({"a": array}))
    found = np.empty(shape[::-1] if turned else shape, target)
    checkpoint.read_into("a", found.T if turned else found)
    np.testing.assert_array_equal(found.T if turned else found, array.astype(target))


def test_tensors_larger_than_the_buffer_are_read_in_parts(tmp_path):
    arrays = {
        "flat": np.arange(3_000_001, dtype=np.float32),
        "rows": np.arange(6_000_000, dtype=np.float32).reshape(2, 3_000_000),
        "deep": np.arange(3_000_000, dtype=np.float32).reshape(3, 10, 100_000),
    }
    checkpoint = opened(tmp_path, container(arrays))
    for name, array in arrays.items():
        np.testing.assert_array_equal(checkpoint.read(name), array)
        turned = np.empty(array.shape[::-1], np.float32)
        checkpoint.read_into(name, turned.T)
        np.testing.assert_array_equal(turned.T, array)


def test_tensors_are_compared_to_the_last_bit(tmp_path):
    ones = np.ones(1_000_000, np.float32)
    last = ones.copy()
    last[-1] += 1e-6
    checkpoint = opened(
        tmp_path, container({"a": ones, "b": ones, "c": last, "d": ones[None], "e": ones.astype(np.float16)})
    )
    assert checkpoint.same_numbers("a", "b")
    assert not any(checkpoint.same_numbers("a", name) for name in "cde")


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path):
    checkpoint = opened(tmp_path, raw({"a": entry()}, bytes(4)))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ZooError, match="ended in the middle of tensor 'a'"):
        checkpoint.read("a")


def test_a_file_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(ZooError, match="is not a sound safetensors file"):
        Checkpoint([tmp_path / "gone"], "the toy")
