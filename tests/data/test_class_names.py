"""zoo.data.class_names: numbers of classes by name, as `datasets` writes the names down."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from zoo.data.class_names import names_in_schema, names_of, with_class_names
from zoo.data.readers import read_table
from zoo.errors import ZooError

NAMED = {"names": {"0": "bad", "1": "good"}}


@pytest.mark.parametrize(
    "feature",
    [
        {"name": "label", "dtype": {"class_label": NAMED}},
        {"name": "label", "dtype": {"class_label": {"names": ["bad", "good"]}}},
        {"name": "label", "sequence": {"class_label": NAMED}},
        {"name": "label", "list": {"class_label": NAMED}},
        {"name": "label", "large_list": {"class_label": NAMED}},
        {"_type": "ClassLabel", "names": ["bad", "good"]},
        {"_type": "List", "feature": {"_type": "ClassLabel", "names": ["bad", "good"]}},
        [{"_type": "ClassLabel", "names": ["bad", "good"]}],
    ],
)
def test_every_way_to_say_it(feature):
    assert names_of(feature) == ("bad", "good")


@pytest.mark.parametrize(
    "feature",
    [
        None,
        "int64",
        {"dtype": "string"},
        {"_type": "Value", "dtype": "int64"},
        {"dtype": {"class_label": {"names": {"0": "bad", "2": "good"}}}},
        {"dtype": {"class_label": {"names": {"zero": "bad"}}}},
        {"dtype": {"class_label": None}},
    ],
)
def test_what_names_no_classes(feature):
    assert names_of(feature) == ()


def named(values, names=("bad", "good")):
    return with_class_names(pa.table({"label": values}), {"label": names}, "x").column("label").to_pylist()


def test_numbers_become_names_and_names_stay():
    assert named([0, 1, None, -1]) == ["bad", "good", None, None]
    assert named(["0", "good", "-1", "", None]) == ["bad", "good", None, "", None]
    assert named([1.0, float("nan")]) == ["good", None]
    assert named([[0, 1], [], None]) == [["bad", "good"], [], None]
    assert named(["1", "2"], names=("1", "2")) == ["1", "2"]
    assert named([[[0], [1, -1]], [None]]) == [[["bad"], ["good", None]], [None]]
    assert named(pa.array([[0, 1], None], pa.list_(pa.int64(), 2))) == [["bad", "good"], None]


@pytest.mark.parametrize(
    "values",
    [[0, 2], [0, -2], [0, 0.5], [0.0, float("inf")], [[0], [1, 2]], [[[0]], [[1], [2]]], ["0", "7"]],
)
def test_a_number_without_a_name_is_told_by_row(values):
    with pytest.raises(ZooError, match="classes that have no name") as caught:
        named(values)
    assert caught.value.why == ["Column 'label' has 2 classes, and another number: row 2."]


def _write(path, metadata: bytes):
    data = pa.table({"text": ["dull", "fine"], "label": [0, 1]})
    parquet.write_table(data.replace_schema_metadata({b"huggingface": metadata}), path)
    return path


def test_a_parquet_file_tells_its_own(tmp_path):
    features = {"label": {"_type": "ClassLabel", "names": ["bad", "good"]}, "text": {"_type": "Value"}}
    path = _write(tmp_path / "x.parquet", json.dumps({"info": {"features": features}}).encode())
    assert read_table(path).column("label") == ["bad", "good"]


@pytest.mark.parametrize("metadata", [b"", b"{", b"[]", b'{"info": 3}', b'{"info": {"features": []}}', b"\xff"])
def test_metadata_that_cannot_be_read_names_nothing(tmp_path, metadata):
    path = _write(tmp_path / "x.parquet", metadata)
    assert names_in_schema(parquet.read_schema(path)) == {}
    assert read_table(path).column("label") == [0, 1]
