"""`zoo reproduce`: a run made again, and whether the result is the same."""

from __future__ import annotations

import json
import shutil


def test_a_run_is_made_again_and_compared(zoo, run, tmp_path):
    copied = shutil.copytree(run, tmp_path / "first")
    done = zoo("reproduce", "first")
    assert done.code == 0
    header, *rows, weights = done.out.splitlines()
    assert header.split() == ["first", "runs/first-again"]
    assert [row.split()[0] for row in rows] == ["accuracy", "macro_f1", "loss"]
    assert all(row.split()[1] == row.split()[2] for row in rows)
    assert weights.split(maxsplit=1) == ["weights", "the same, bit for bit"]

    records = (copied / "metrics.jsonl").read_text().splitlines()
    final = json.loads(records[-1])
    records[-1] = json.dumps(final | {"loss": final["loss"] + 1})
    (copied / "metrics.jsonl").write_text("\n".join(records) + "\n")
    other = zoo("reproduce", "first", "--output", "here", "--json")
    assert other.code == 1
    assert other.json["run"] == "here"
    assert other.json["matches"] is False
    assert other.json["identical_weights"] is True
    assert other.json["metrics"]["loss"][0] == final["loss"] + 1


def test_into_a_directory_that_is_not_empty_it_is_not_made(zoo, run, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.md").write_text("mine")
    told = zoo("reproduce", run, "--output", "full")
    assert (told.code, told.out) == (2, "")
    assert "output.dir: 'full' is not an empty directory" in told.err
    assert "reading data" not in told.err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.md"]


def test_what_is_no_run(zoo):
    told = zoo("reproduce", "nowhere")
    assert told.code == 2
    assert "'nowhere' is not a run" in told.err
