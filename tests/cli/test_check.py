"""`zoo check`: facts on stdout, and exit code 2 where the recipe would not do."""

from __future__ import annotations


def test_it_tells_what_a_run_would_do_and_writes_nothing(zoo, checkpoint, reviews, tmp_path):
    done = zoo("check", checkpoint, "--data", reviews, "--set", "train.batch_size=8")
    assert done.code == 0, done.err
    told = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert told["rows"] == "18 train, 2 validation"
    assert told["time"].startswith("about ")
    assert "9 steps" in told["time"]
    assert {"memory", "arithmetic", "advice", "padding", "packing", "weights", "warning"} <= told.keys()
    assert "data.dedupe = true" in told["advice"]  # ten times the same two reviews
    assert list(tmp_path.iterdir()) == []


def test_as_json(zoo, checkpoint, reviews):
    done = zoo("check", checkpoint, "--data", reviews, "--json", "--set", "data.dedupe=true")
    assert done.code == 2
    assert "Every training row is held out, too" in done.err
    done = zoo("check", checkpoint, "--data", reviews, "--json", "--set", "data.validation=0")
    assert done.code == 0
    assert done.json["rows"] == {"train": 20}
    assert done.json["peak_bytes"] > 0
    assert done.json["recipe"]["model"]["task"] == "text-classification"


def test_a_wrong_recipe_is_refused(zoo):
    done = zoo("check", "quikstart")
    assert done.code == 2
    assert "Did you mean 'quickstart'?" in done.err
