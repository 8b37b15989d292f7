"""zoo.data.row_faults: faulty rows are refused all at once, or left out, counted and named."""

from __future__ import annotations

import json

import pytest

from zoo.data.examples import Examples
from zoo.data.row_faults import RowFaults
from zoo.errors import ZooError
from zoo.train.readers import reader_for
from zoo.train.recipe import DataKeys

TEN = Examples(list("abcdefghij"), None, list(range(1, 11)), "ten.csv")
SAID = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]


def test_what_is_left_out_is_counted_once_and_told_by_fault():
    faults, notes = RowFaults("ten.csv"), []
    for fault, place in (("Without a text", 0), ("Without a label", 0), ("Without a label", 8)):
        faults.add(fault, place)

    faults.check(faulty="skip")
    kept = faults.without(TEN, notes)

    assert kept.inputs == list("bcdefghj")
    assert kept.rows == [2, 3, 4, 5, 6, 7, 8, 10]
    assert notes == ["2 of 'ten.csv' without a text (row 1), without a label (rows 1, 9)"]
    with pytest.raises(ZooError) as caught:
        faults.check(faulty="refuse")
    assert caught.value.why == ["Without a text: row 1.", "Without a label: rows 1, 9."]
    assert caught.value.fix == 'Correct these rows, or leave them out: data.faulty = "skip" does, and counts them.'


def test_each_split_loses_its_own_rows():
    other = Examples(list("xyz"), None, [4, 9, 11], "other.csv")
    faults, notes = RowFaults("ten.csv"), []
    faults.of(TEN).add("With an empty answer", 8)
    faults.of(other).add("With an empty answer", 0)

    assert faults.without(other, notes).inputs == ["y", "z"]
    assert faults.without(TEN, notes).inputs == list("abcdefghj")
    assert notes == ["1 of 'other.csv' with an empty answer (row 4)", "1 of 'ten.csv' with an empty answer (row 9)"]
    assert RowFaults().without(TEN, notes) is TEN


def test_a_hard_fault_is_raised_alone_and_leaving_out_every_row_is_refused():
    faults = RowFaults("ten.csv")
    faults.add("Without an answer", 1)
    faults.add("With two '<bos>'", 0, hard=True)

    with pytest.raises(ZooError) as caught:
        faults.check(faulty="skip")
    assert caught.value.why == ["With two '<bos>': row 1."]
    assert caught.value.fix.startswith("Change how they are written: data.chat_template takes another template")
    with pytest.raises(ZooError, match="Correct these rows"):
        faults.check(faulty="refuse")
    for place in range(10):
        faults.add("Without an answer", place)
    with pytest.raises(ZooError, match=r"Nothing can be learned from any row of 'ten\.csv'"):
        faults.without(TEN, [])


@pytest.mark.parametrize(
    ("task", "rows", "kept", "told"),
    [
        (
            "text-generation",
            [{"prompt": "p", "completion": c} for c in ("a", " ", "b")],
            [1, 3],
            "without an answer (column 'completion') (row 2)",
        ),
        (
            "text-generation",
            [{"prompt": "p", "chosen": "a", "rejected": r} for r in ("b", "a", "c", "")],
            [1, 3],
            "with the same answer chosen and rejected (row 2), without an answer (column 'rejected') (row 4)",
        ),
        (
            "text-generation",
            [{"messages": m} for m in (SAID, [], SAID[:1], SAID)],
            [1, 4],
            "without messages (column 'messages') (row 2), without an answer (row 3)",
        ),
        (
            "text-generation",
            [{"text": t} for t in ("a", "", "b")],
            [1, 3],
            "without a text (column 'text') (row 2)",
        ),
        (
            "text-classification",
            [{"text": "t", "label": label} for label in ("x", None, "y")],
            [1, 3],
            "without a label (column 'label') (row 2)",
        ),
        (
            "feature-extraction",
            [{"anchor": a, "positive": b} for a, b in (("a", "b"), ("", "c"), ("d", "e"))],
            [1, 3],
            "without a text (column 'anchor') (row 2)",
        ),
        (
            "token-classification",
            [{"tokens": ["a", "b"], "tags": t} for t in (["X", "O"], ["X"], ["O", "O"])],
            [1, 3],
            "with more or fewer tags (column 'tags') than words (row 2)",
        ),
    ],
)
def test_every_reader_refuses_rows_or_leaves_them_out(task, rows, kept, told, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    reader = reader_for(task, DataKeys(train=str(file), faulty="skip"))
    examples = reader.read(str(file), "train")

    assert examples.rows == kept
    assert len(examples.inputs) == len(kept)
    assert reader.notes == [f"{len(rows) - len(kept)} of '{file}' {told}"]
    with pytest.raises(ZooError, match=r"has rows that are not whole\.") as caught:
        reader_for(task, DataKeys(train=str(file))).read(str(file), "train")
    assert 'data.faulty = "skip"' in caught.value.fix
