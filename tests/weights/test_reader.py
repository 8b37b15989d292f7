"""zoo.weights.reader"""

from __future__ import annotations

import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors import safe_open
from safetensors.numpy import save_file

from zoo.errors import ZooError
from zoo.hub.files import local_files
from zoo.weights.reader import Checkpoint

DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]
SHAPE = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
TENSORS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(lambda name: name != "__metadata__"),
    st.tuples(st.sampled_from(DTYPES), SHAPE, st.integers(0, 2**32 - 1)),
    max_size=5,
)


def raw(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def entry(start: int = 0, end: int = 4, dtype: str = "F32", shape: tuple[int, ...] = (1,)) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


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
    save_file(tensors, path, metadata={"format": "pt"})
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


def test_an_empty_tensor_with_dimensions_beyond_reason_is_an_error(tmp_path):
    checkpoint = opened(tmp_path, raw({"a": entry(0, 0, shape=(0, 2**62, 2**62))}))
    with pytest.raises(ZooError, match="tensor 'a' cannot be read"):
        checkpoint.read("a")


def test_names_are_names_and_never_paths(tmp_path):
    checkpoint = opened(tmp_path, raw({"../../a": entry(), "": entry(4, 8)}, bytes(8)))
    assert set(checkpoint.tensors) == {"../../a", ""}
    assert checkpoint.read("../../a") == [0]


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path):
    checkpoint = opened(tmp_path, raw({"a": entry()}, bytes(4)))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ZooError, match="ended in the middle of tensor 'a'"):
        checkpoint.read("a")


def test_a_file_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(ZooError, match="is not a sound safetensors file"):
        Checkpoint([tmp_path / "gone"], "the toy")
