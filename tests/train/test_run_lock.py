"""zoo.train.run_lock: fingerprints of examples, and what differs between two locks."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.examples import Examples
from zoo.errors import ZooError
from zoo.train.run_lock import MADE_FROM, differences, fingerprint, read_lock, told_differences

TEXTS = st.text(max_size=5) | st.tuples(st.text(max_size=5), st.text(max_size=5)) | st.binary(max_size=5)
LABELS = st.text(max_size=3) | st.floats(allow_nan=False) | st.tuples(st.text(max_size=3), st.text(max_size=3))
ROWS = st.lists(st.tuples(TEXTS, LABELS), max_size=4)


def examples(rows) -> Examples:
    return Examples([raw for raw, _ in rows], [label for _, label in rows], list(range(len(rows))), "here")


@given(ROWS, ROWS)
def test_examples_have_the_same_fingerprint_if_and_only_if_they_are_the_same(one, other):
    same = repr(one) == repr(other)
    assert (fingerprint(examples(one)) == fingerprint(examples(other))) == same


def test_what_stands_behind_an_input_counts():
    rows = examples([("a.png", "cat")])
    assert fingerprint(rows, {"a.png": "1" * 64}) != fingerprint(rows, {"a.png": "2" * 64})


def test_a_run_says_what_it_was_made_from_and_on(run, csv, tiny_bert):
    lock = read_lock(run.path)
    files = lock["weights"]["files"]
    assert set(files) == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    for name, digest in files.items():
        assert digest == hashlib.sha256((tiny_bert / name).read_bytes()).hexdigest()
    assert {name: part["rows"] for name, part in lock["data"].items()} == {"train": 72, "validation": 18}
    assert lock["labels"] == ["bad", "good"]
    assert lock["recipe"]["train"]["epochs"] == 6
    assert "output" not in lock["recipe"]
    assert set(lock["versions"]) >= {"python", "keras-zoo", "keras", "jax", "jaxlib", "orbax-checkpoint"}
    assert lock["device"]["platform"] == "cpu"
    assert lock["seed"] == 0


def test_differences_are_told_value_by_value():
    then = {"recipe": {"train": {"epochs": 3, "ema": 0.5}}, "labels": ["a"], "versions": {"jax": "1"}}
    now = {"recipe": {"train": {"epochs": 4}, "data": "x"}, "labels": ["a"], "versions": {"jax": "2"}}
    assert differences(then, now, MADE_FROM) == [
        "recipe.train.epochs: 3 -> 4",
        "recipe.train.ema: 0.5 -> nothing",
        'recipe.data: nothing -> "x"',
    ]


def test_other_code_that_measures_is_told_and_stops_nothing():
    then = {"answers": {"mine.py:close": "1"}, "device": {"cpus": 2}}
    now = {"answers": {"mine.py:close": "2"}, "device": {"cpus": 4}}
    assert differences(then, now, MADE_FROM) == []
    assert told_differences(then, now) == [
        "device.cpus: 2 -> 4; the last bits may differ",
        'answers.mine.py:close: "1" -> "2"; the answers\' scores may differ',
    ]


@pytest.mark.parametrize(
    "content", ["", "[]", "{", json.dumps({"schema": 99}), '{"schema": 1, "seed": 0, "seed": 1}']
)
def test_a_lock_that_cannot_be_read(tmp_path, content):
    (tmp_path / "run.lock").write_text(content)
    with pytest.raises(ZooError, match=r"run\.lock"):
        read_lock(tmp_path)
