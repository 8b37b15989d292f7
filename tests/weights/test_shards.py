"""zoo.weights.shards: what is written is what the safetensors library reads"""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors import safe_open

from tests.suite.properties import examples
from zoo.errors import ZooError
from zoo.hub.files import local_files
from zoo.weights.container import hostile_name
from zoo.weights.reader import Checkpoint
from zoo.weights.shards import Outgoing, parse_size, write_weights

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: name != "__metadata__" and not hostile_name(name)
)
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]
PLANS = st.dictionaries(NAMES, st.tuples(st.sampled_from(DTYPES), SHAPES, st.integers(0, 99)), max_size=6)


def outgoing(tensors: dict[str, np.ndarray]) -> dict[str, Outgoing]:
    return {name: Outgoing(array.dtype, array.shape, lambda array=array: array) for name, array in tensors.items()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(60))
@given(plan=PLANS, most=st.integers(1, 400))
def test_the_safetensors_library_reads_every_bit(tmp_path_factory, plan, most):
    folder = tmp_path_factory.mktemp("written")
    tensors = {
        name: np.asarray(np.random.default_rng(seed).normal(size=shape)).astype(dtype).T
        for name, (dtype, shape, seed) in plan.items()
    }
    write_weights(folder, outgoing(tensors), most)
    files = sorted(folder.glob("*.safetensors"))
    found = {}
    for path in files:
        with safe_open(path, framework="numpy") as file:
            assert file.metadata() == {"format": "pt"}
            names = file.keys()
            found |= {name: (path, file.get_tensor(name)) for name in names}
        sizes = [tensors[name].nbytes for name in found if found[name][0] == path]
        assert sum(sizes) <= most or len([size for size in sizes if size]) == 1
    assert found.keys() == tensors.keys()
    for name, array in tensors.items():
        assert (found[name][1].dtype, found[name][1].shape) == (array.dtype, array.shape)
        assert found[name][1].tobytes() == array.tobytes()
    if len(files) > 1:
        index = json.loads((folder / "model.safetensors.index.json").read_text())
        assert index["metadata"] == {"total_size": sum(array.nbytes for array in tensors.values())}
        assert index["weight_map"] == {name: path.name for name, (path, _) in found.items()}
    assert set(Checkpoint(local_files(folder).weights(), "it").tensors) == set(tensors)


def test_shards_are_named_by_their_number_and_filled_in_order(tmp_path):
    tensors = {name: np.ones(size, np.float32) for name, size in {"a": 10, "b": 10, "c": 300, "d": 5}.items()}
    write_weights(tmp_path, outgoing(tensors), 100)
    names = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert names == [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
    weight_map = json.loads((tmp_path / "model.safetensors.index.json").read_text())["weight_map"]
    assert [weight_map[name] for name in "abcd"] == [names[0], names[0], names[1], names[2]]


def test_tensors_lie_at_multiples_of_their_width(tmp_path):
    tensors = {"half": np.ones(3, np.float16), "wide": np.ones(1, np.float64), "single": np.ones(1, np.float32)}
    write_weights(tmp_path, outgoing(tensors), 10**9)
    for name, tensor in Checkpoint([tmp_path / "model.safetensors"], "it").tensors.items():
        assert tensor.start % tensors[name].itemsize == 0


@pytest.mark.parametrize(
    ("size", "count"),
    [(1, 1), (5000, 5000), ("5GB", 5 * 10**9), ("1GiB", 2**30), ("500 mb", 5 * 10**8), ("0.5KB", 500), ("7", 7)],
)
def test_sizes_are_counts_or_strings(size, count):
    assert parse_size(size) == count


@pytest.mark.parametrize("size", [0, -1, True, "", "5 parsecs", "GB", "1e9", "0.1", "-5GB", "5G B"])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(ZooError, match="is not a size"):
        parse_size(size)
