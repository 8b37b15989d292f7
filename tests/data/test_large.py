"""Tables that are not held in memory: read in blocks, they make the same rows, labels and errors."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from zoo.data import delimited, json_lines, readers, spool
from zoo.data.chat_columns import choose_chat_columns
from zoo.data.chat_examples import read_chat_examples
from zoo.data.columns import TokenColumns, choose_columns
from zoo.data.examples import read_examples
from zoo.data.pairs import choose_pair_columns, read_pairs
from zoo.data.preference_examples import read_preferences
from zoo.data.readers import read_table
from zoo.data.row_faults import RowFaults
from zoo.data.rows import Rows
from zoo.data.token_examples import read_token_examples
from zoo.errors import ZooError

COUNT = 5000


@pytest.fixture
def large(tmp_path, monkeypatch):
    """What makes every table larger than memory, of many blocks."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))

    def begin() -> None:
        monkeypatch.setattr(spool, "MEMORY", 1000)
        monkeypatch.setattr(delimited, "_BLOCKS", (4096, 1 << 30))
        monkeypatch.setattr(json_lines, "_ROWS", 300)
        monkeypatch.setattr(readers, "_ROWS", 300)

    return begin


def told(read, *args, **keys):
    """What is read as lists, or the error."""
    try:
        found = read(*args, **keys)
    except ZooError as error:
        return str(error)
    labels = None if found.labels is None else list(found.labels)
    return list(found.inputs), labels, list(found.rows), found.source, found.problem


def rows(faulty: bool):
    """Reviews; where some are faulty, those are in several blocks."""
    for n in range(COUNT):
        bad = faulty and n % 1700 == 1000
        yield {"text": "" if bad else f'row {n}, "quoted"\nand {"more" * (n % 9)}', "label": str(n % 3), "n": n / 7}


WRITE = {
    "jsonl": lambda path, rows: path.write_text("".join(json.dumps(row) + "\n" for row in rows)),
    "parquet": lambda path, rows: parquet.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=800),
    "csv": lambda path, rows: path.write_text(
        "text,label,n\n"
        + "".join('"{}",{label},{n}\n'.format(r["text"].replace('"', '""'), **_rest(r)) for r in rows)
    ),
}


def _rest(row):
    return {"label": row["label"], "n": row["n"]}


@pytest.mark.parametrize("kind", WRITE)
@pytest.mark.parametrize("faulty", [False, True])
@pytest.mark.parametrize("label", ["label", "n"])
def test_rows_labels_and_faults_are_the_same(kind, faulty, label, tmp_path, large):
    path = tmp_path / f"reviews.{kind}"
    WRITE[kind](path, rows(faulty))
    small = read_table(path)
    large()
    table = read_table(path)
    assert table.data.equals(small.data)
    assert not list((tmp_path / "cache" / "data").iterdir())
    for name in table.columns:
        assert isinstance(table.column(name), Rows)
        assert list(table.column(name)) == small.data.column(name).to_pylist()
    columns = choose_columns(table, label=label)
    expected = told(read_examples, _held(small), columns)
    assert told(read_examples, table, columns) == expected
    assert isinstance(expected, str) == faulty
    if faulty:
        assert "rows 1001, 2701, 4401" in expected


def _held(table):
    """A table whose rows are held."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "MEMORY", 1 << 30)
        assert not table._large
    return table


def test_examples_are_chosen_as_from_lists(tmp_path, large):
    path = tmp_path / "reviews.jsonl"
    WRITE["jsonl"](path, rows(True))
    columns = choose_columns(small := _held(read_table(path)), label="label")
    large()
    parts = []
    for table in (small, read_table(path)):
        faults, notes = RowFaults(table.source), []
        found = faults.without(read_examples(table, columns, faults=faults), notes)
        chosen = found.select(range(0, len(found), 7)).select([5, 3, 400])
        parts.append((told(lambda found=found: found), told(lambda chosen=chosen: chosen), notes))
    assert parts[0] == parts[1]
    assert json.dumps(parts[1][1][2]) == json.dumps(parts[0][1][2])  # whole numbers, and no other kind of them


TALKS = [
    {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": f"{n}!"}]}
    for n in range(COUNT)
]
FAULTY = [*TALKS[:3000], {"messages": []}, {"messages": [{"role": "robot", "content": "x"}]}, *TALKS[:2000]]


@pytest.mark.parametrize("talks", [TALKS, FAULTY])
def test_conversations_are_the_same(talks, tmp_path, large):
    path = tmp_path / "talks.jsonl"
    WRITE["jsonl"](path, talks)
    columns = choose_chat_columns(small := _held(read_table(path)))
    large()
    expected = told(read_chat_examples, small, columns, train_on="answers")
    assert told(read_chat_examples, read_table(path), columns, train_on="answers") == expected
    assert isinstance(expected, str) == (talks is FAULTY)


@pytest.mark.parametrize("prompt", ["prompt", None])
@pytest.mark.parametrize("rejected", ["no", "yes"])
def test_preferences_are_the_same(prompt, rejected, tmp_path, large):
    path = tmp_path / "preferences.jsonl"
    asked = [{"role": "user", "content": "?"}]

    def side(text):
        return text if prompt else [*asked, {"role": "assistant", "content": text}]

    rows = [{"chosen": side(f"yes {n}"), "rejected": side(f"no {n}")} for n in range(COUNT)]
    rows[4000]["rejected"] = side(f"{rejected} 4000")
    WRITE["jsonl"](path, [{"prompt": f"{n}?", **row} if prompt else row for n, row in enumerate(rows)])
    columns = choose_chat_columns(small := _held(read_table(path)))
    large()
    expected = told(read_preferences, small, columns)
    assert told(read_preferences, read_table(path), columns) == expected
    assert isinstance(expected, str) == (rejected == "yes")


@pytest.mark.parametrize("tags", [2, 3])
def test_words_and_tags_are_the_same(tags, tmp_path, large):
    path = tmp_path / "words.jsonl"
    rows = [{"words": ["a", f"b{n}"], "tags": ["O", "X"]} for n in range(COUNT)]
    rows[3333]["tags"] = ["O"] * tags
    WRITE["jsonl"](path, rows)
    columns = TokenColumns("words", "tags")
    small = _held(read_table(path))
    large()
    expected = told(read_token_examples, small, columns)
    assert told(read_token_examples, read_table(path), columns) == expected
    assert isinstance(expected, str) == (tags == 3)


def test_pairs_are_the_same(tmp_path, large):
    path = tmp_path / "pairs.jsonl"
    WRITE["jsonl"](path, ({"query": f"{n}?", "answer": f"{n}!"} for n in range(COUNT)))
    columns = choose_pair_columns(small := _held(read_table(path)))
    large()
    assert told(read_pairs, read_table(path), columns) == told(read_pairs, small, columns)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
@pytest.mark.parametrize(
    "tail",
    [
        b'{"text": \n{"text": "x"}\nnull\n' * 4,
        b'{"text": "\xe9", "label": "b"}\n',
        b'{"text": 3}\n{"text": 4}\n',
        b"a,b,c\nx\n",
        b'"never closed,1\n' + b"x,1\n" * 3000,
        b'"' + b"long " * 5000 + b'",1\n',
    ],
)
def test_faults_of_files_are_the_same(name, tail, tmp_path, large):
    head = b"text,label\n" + b"a,b\n" * 3000 if name == "a.csv" else b'{"text": "a", "label": "b"}\n' * 3000
    (tmp_path / name).write_bytes(head + tail)

    def read():
        try:
            return read_table(tmp_path / name).data.to_pydict()
        except ZooError as error:
            return str(error)

    expected = read()
    large()
    assert read() == expected


def test_classes_of_a_parquet_file_get_their_names(tmp_path, large):
    path = tmp_path / "a.parquet"
    info = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["bad", "good"]}}}}
    data = pa.table({"text": [f"row {n}" for n in range(COUNT)], "label": [n % 2 for n in range(COUNT)]})
    parquet.write_table(data.replace_schema_metadata({"huggingface": json.dumps(info)}), path)
    large()
    assert list(read_table(path).column("label")) == ["bad", "good"] * (COUNT // 2)
    beyond = data.set_column(1, "label", pa.array([n % 2 + 2 * (n > 4997) for n in range(COUNT)]))
    parquet.write_table(beyond.replace_schema_metadata({"huggingface": json.dumps(info)}), path)
    with pytest.raises(ZooError, match="classes that have no name") as caught:
        read_table(path)
    assert "row 4999, 5000" in caught.value.why[0]
