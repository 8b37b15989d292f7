"""zoo.data.hub_data: data sets of a Hub on loopback, read by another process."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from zoo.data.hub_data import check_name, is_hub_data, short_name
from zoo.testing import Fault

NAME = "hf://datasets/toys/reviews"
_READ = """
import json, sys
from zoo.data.hub_data import find_data, pinned_name, read_hub_data
from zoo.errors import ZooError
try:
    for name, split in json.loads(sys.argv[1]):
        table = read_hub_data(name, split)
        found = [pinned_name(name), table.source, [*find_data(name).splits], table.data.to_pydict()]
        print(json.dumps(found))
except ZooError as error:
    print(json.dumps({"what": error.what, "why": error.why, "fix": error.fix}))
"""


@pytest.fixture
def read(python):
    """`read((name, split), ...)` gives `[pinned name, source, splits, columns]` of each, or a dict of the error."""

    def run(*asked, env=None):
        done = python(_READ, json.dumps(asked), env=env)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def parquet_bytes(**columns) -> bytes:
    features = {"label": {"_type": "ClassLabel", "names": ["bad", "good"]}}
    data = pa.table(columns).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features if "label" in columns else {}}})}
    )
    written = io.BytesIO()
    parquet.write_table(data, written)
    return written.getvalue()


FILES = {
    "README.md": b"# Reviews\n",
    "data/train-00000-of-00002.parquet": parquet_bytes(text=["dull", "fine"], label=[0, 1]),
    "data/train-00001-of-00002.parquet": parquet_bytes(text=["grim"], label=[0]),
    "data/test-00000-of-00001.parquet": parquet_bytes(text=["great"], label=[-1]),
}
TRAIN = {"text": ["dull", "fine", "grim"], "label": ["bad", "good", "bad"]}


@pytest.fixture
def commit(hub) -> str:
    return hub.add("datasets/toys/reviews", FILES)


def test_the_files_of_a_split_are_one_table_with_names_of_classes(read, commit):
    train, test = read((NAME, "train"), (NAME, "test"))
    assert train == [f"{NAME}@{commit}", f"{NAME} (train)", ["test", "train"], TRAIN]
    assert test[3] == {"text": ["great"], "label": [None]}


def test_only_the_split_that_is_read_is_fetched(hub, read, commit):
    read((NAME, "train"))
    fetched = [request.path.rpartition("/")[2] for request in hub.log if "/resolve/" in request.path]
    assert sorted(fetched) == ["README.md", "train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]


def test_a_commit_stands_for_the_same_rows_and_is_read_without_the_hub(hub, read, commit):
    pinned = f"{NAME}@{commit}"
    read((pinned, "train"))
    hub.add("datasets/toys/reviews", {"train.csv": b"text,label\nnew,good\n"})
    before = len(hub.log)
    assert read((pinned, "train"), env={"HF_HUB_OFFLINE": "1"}) == [
        [pinned, f"{NAME} (train)", ["test", "train"], TRAIN]
    ]
    assert len(hub.log) == before
    [[moved, *_, columns]] = read((NAME, "train"))
    assert moved != pinned
    assert columns == {"text": ["new"], "label": ["good"]}


def test_a_branch_that_was_seen_is_read_offline_and_one_that_was_not_is_told(hub, read, commit):
    read((NAME, "train"))
    assert read((NAME, "train"), env={"HF_HUB_OFFLINE": "1"})[0][0] == f"{NAME}@{commit}"
    [told] = read(("hf://datasets/toys/other", "train"), env={"HF_HUB_OFFLINE": "1"})
    assert told["what"] == "hf://datasets/toys/other could not be read."
    assert told["fix"].startswith("Unset HF_HUB_OFFLINE once")


def test_the_branch_of_the_hubs_conversion(hub, read, commit):
    converted = hub.add(
        "datasets/toys/reviews",
        {"default/train/0000.parquet": parquet_bytes(text=["so"], label=[1])},
        branch="refs/convert/parquet",
    )
    [[pinned, _, splits, columns]] = read((f"{NAME}@refs/convert/parquet", "train"))
    assert (pinned, splits, columns) == (f"{NAME}@{converted}", ["train"], {"text": ["so"], "label": ["good"]})
    assert read((f"{pinned}/default", "train"))[0][3] == columns


def test_csv_and_json_lines_with_the_names_of_the_readme(hub, read):
    head = b"""---
configs:
- config_name: default
  data_files: [{split: train, path: "*.csv"}, {split: test, path: x.jsonl}]
dataset_info:
  features:
  - {name: label, dtype: {class_label: {names: {'0': bad, '1': good}}}}
---
"""
    files = {"README.md": head, "a.csv": b"text,label\nNA,0\n", "b.csv": b"text,label\nfine,1\n"}
    hub.add("datasets/toys/reviews", {**files, "x.jsonl": b'{"text": "so", "label": 1}\n'})
    train, test = read((NAME, "train"), (NAME, "test"))
    assert train[3] == {"text": ["NA", "fine"], "label": ["bad", "good"]}
    assert test[3] == {"text": ["so"], "label": ["good"]}


def test_a_file_or_a_folder_that_is_named(hub, read, commit):
    one, both = read((f"{NAME}/data/test-*", "train"), (f"{NAME}@{commit}/data/train-*.parquet", "test"))
    assert one[3]["text"] == ["great"]
    assert both == [f"{NAME}@{commit}/data/train-*.parquet", f"{NAME}/data/train-*.parquet", [""], TRAIN]


@pytest.mark.parametrize(
    ("name", "split", "told"),
    [
        ("hf://datasets/toys/gone", "train", "hf://datasets/toys/gone could not be read."),
        (f"{NAME}@gone", "train", f"{NAME}@gone could not be read."),
        (NAME, "validation", f"'{NAME}' has no rows of its own for validation, only test, train."),
        (f"{NAME}/en", "train", f"{NAME} has no config, folder or files 'en'."),
    ],
)
def test_what_is_not_there_is_told(read, commit, name, split, told):
    [error] = read((name, split))
    assert error["what"] == told
    assert error["fix"] or error["why"]


def test_a_gated_data_set_says_how_to_get_in(hub, read):
    hub.add("datasets/toys/reviews", FILES, gated=True)
    hub.tokens.add("hf_ours")
    [told] = read((NAME, "train"))
    assert "Accept the licence at https://huggingface.co/datasets/toys/reviews" in told["fix"]
    assert read((NAME, "train"), env={"HF_TOKEN": "hf_ours"})[0][3] == TRAIN


def test_a_transfer_that_breaks_off_goes_on_and_other_bytes_are_refused(hub, read, commit):
    name = "data/train-00000-of-00002.parquet"
    hub.fault("datasets/toys/reviews", name, Fault(drop_after=100, times=2))
    assert read((NAME, "train"))[0][3] == TRAIN
    hub.fault("datasets/toys/reviews", "data/test-00000-of-00001.parquet", Fault(body=b"x" * 20))
    [told] = read((NAME, "test"))
    assert "could not be read" in told["what"] or "was not found" in told["what"]
    assert any("data/test-00000-of-00001.parquet" in why for why in told["why"])


def test_files_that_do_not_go_together(hub, read):
    files = {"a.parquet": parquet_bytes(text=["x"]), "b.parquet": parquet_bytes(text=[3])}
    hub.add("datasets/toys/reviews", files)
    [told] = read((NAME, "train"))
    assert told["what"] == f"The files of '{NAME}' do not make one table."


@pytest.mark.parametrize(
    "name",
    [
        "hf://datasets/reviews",
        "hf://datasets/toys/reviews@",
        "hf://datasets/toys/reviews@a..b",
        "hf://toys/reviews",
    ],
)
def test_a_name_that_is_none(name):
    assert "does not name a data set of the Hub. It reads hf://datasets/ORG/NAME" in check_name(name)


def test_names():
    assert is_hub_data(NAME)
    assert not is_hub_data("hf://toys/reviews")
    for name in (NAME, f"{NAME}@main", f"{NAME}@refs/pr/3/en/*.csv", f"{NAME}@a%2Fb"):
        assert check_name(name) == ""
        assert short_name(name) == "reviews"
