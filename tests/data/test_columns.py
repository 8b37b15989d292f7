"""zoo.data.columns"""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from zoo.data.columns import Columns, choose_columns
from zoo.data.readers import read_table
from zoo.data.table import Table
from zoo.errors import ZooError

LONG = [f"a text of many words that goes on for a while, number {i}" for i in range(12)]
STARS = [str(i % 5) for i in range(12)]
IDS = [str(i) for i in range(12)]


def _table(source: str = "reviews.csv", /, **columns) -> Table:
    return Table(source, pa.table(columns))


def _why(table: Table, **keys) -> str:
    with pytest.raises(ZooError) as caught:
        choose_columns(table, **keys)
    return str(caught.value)


def test_given_columns_are_taken():
    table = _table(a=LONG, b=LONG, c=STARS, text=LONG, label=STARS)
    assert choose_columns(table, text="a", text_pair="b", label="c") == Columns("a", "b", "c")


@pytest.mark.parametrize("text", ["text", "Review", "sentence", "content", "comment"])
@pytest.mark.parametrize("label", ["label", "Class", "category", "target", "sentiment"])
def test_usual_names_are_guessed(text, label):
    table = _table(id=IDS, title=LONG, **{label: STARS, text: STARS})
    assert choose_columns(table) == Columns(text, None, label)


def test_without_usual_names_the_longest_text_and_the_fewest_classes_are_guessed():
    table = _table(id=IDS, notes=LONG, mood=["up", "down"] * 6)
    assert choose_columns(table) == Columns("notes", None, "mood")


def test_numbers_and_categories_can_be_labels():
    mood = pa.array(["up", "down"] * 6).dictionary_encode()
    assert choose_columns(_table(notes=LONG, mood=mood)) == Columns("notes", None, "mood")
    assert choose_columns(_table(notes=LONG, mood=[1, 2] * 6)) == Columns("notes", None, "mood")
    assert choose_columns(_table(notes=LONG, mood=[True, False] * 6)) == Columns("notes", None, "mood")


def test_lists_are_labels_by_their_name_or_where_nothing_else_can_be():
    table = _table(notes=LONG, ups=[["up"]] * 12, mood=["up", "down"] * 6)
    assert choose_columns(table) == Columns("notes", None, "mood")
    table = _table(notes=LONG, label=[["up"]] * 12, mood=["up", "down"] * 6)
    assert choose_columns(table) == Columns("notes", None, "label")
    assert choose_columns(_table(id=IDS, notes=LONG, tags=[["up"], ["up", "new"]] * 6)).label == "tags"
    assert choose_columns(_table(notes=LONG, language=["en"] * 12, tags=[["up"]] * 12)).label == "tags"
    assert "no column has values that repeat" in _why(_table(notes=LONG, tags=[["up"]] * 12, more=[["a"]] * 12))


@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        ({"tokens": [["a", "b"]], "ner_tags": [["O", "O"]]}, "--task token-classification"),
        ({"tokens": [["a", "b"]], "ner_tags": [[0, 1]]}, "--task token-classification"),
        ({"anchor": LONG, "positive": LONG[::-1]}, "--task feature-extraction"),
        ({"messages": [[{"role": "user", "content": "Hello"}]]}, "--task text-generation"),
        ({"text;label": ["a film;good", "a play;bad"]}, "name has ';' in it"),
    ],
)
def test_what_a_table_may_be_meant_for_is_told(columns, hint):
    told = [line for line in _why(_table(**columns)).splitlines() if hint in line]
    assert len(told) == 1


def test_a_table_with_a_text_that_repeats_nothing_gets_no_hint():
    why = _why(_table(text=LONG, id=IDS, day=LONG))
    assert "--task" not in why
    assert "in it" not in why


def test_a_constant_column_is_the_label_only_where_there_is_no_other():
    same = ["en"] * 12
    assert choose_columns(_table(notes=LONG, language=same)).label == "language"
    assert choose_columns(_table(notes=LONG, language=same, mood=["up", "down"] * 6)).label == "mood"


def test_a_label_is_not_guessed_where_none_is_needed():
    table = _table(notes=LONG, label=STARS)
    assert choose_columns(table, need_label=False) == Columns("notes")
    assert choose_columns(table, need_label=False, label="label") == Columns("notes", None, "label")
    assert choose_columns(_table(notes=LONG), need_label=False) == Columns("notes")


def test_a_usual_label_is_never_taken_for_the_text():
    table = _table(blurb=["up"] * 12, category=LONG)
    assert choose_columns(table) == Columns("blurb", None, "category")


def test_a_second_text_is_not_guessed_and_two_like_texts_are_asked_about():
    why = _why(_table(sentence1=LONG, sentence2=LONG, label=STARS))
    assert "data.text: it may be 'sentence1' or 'sentence2'" in why
    assert "data.text_pair" in why
    assert "The columns are 'sentence1', 'sentence2', 'label'." in why


def test_two_usual_names_are_asked_about():
    why = _why(_table(text=LONG, review=LONG, label=STARS, stars=STARS))
    assert "data.text: it may be 'text' or 'review'" in why
    assert "data.label: it may be 'label' or 'stars'" in why


def test_two_like_labels_are_asked_about():
    table = _table(text=LONG, verified=["y", "n"] * 6, score=["1", "2", "3"] * 4)
    assert "data.label: it may be 'verified' or 'score'" in _why(table)


def test_nothing_to_guess_from_is_an_error():
    assert "data.text: no column is left that holds text" in _why(_table(n=[1, 2]), need_label=False)
    assert "data.label: no column has values that repeat" in _why(_table(text=LONG, id=IDS))
    assert "data.label: no column has values that repeat" in _why(_table(text=LONG))


def test_a_wrong_name_is_told_with_the_nearest_and_all_there_are():
    why = _why(_table(review=LONG, stars=STARS), text="reveiw", label="star")
    assert "data.text: there is no column 'reveiw'. Did you mean 'review'?" in why
    assert "data.label: there is no column 'star'. Did you mean 'stars'?" in why
    assert "The columns are 'review', 'stars'." in why
    assert "header" not in why


def test_one_column_for_two_things_is_an_error():
    why = _why(_table(a=LONG, b=STARS), text="a", text_pair="a", label="a")
    assert "data.text and data.text_pair are both 'a'." in why
    assert "data.text and data.label are both 'a'." in why


def test_values_of_the_wrong_kind_are_errors():
    day = datetime.date(2020, 1, 1)
    table = _table(meta=[{"id": 1}], n=[1], raw=[b"x"], day=[day], text=["x"])
    why = _why(table, text="meta", text_pair="n", label="day")
    assert "data.text: column 'meta' holds struct<id: int64>, not text." in why
    assert "data.text_pair: column 'n' holds int64, not text." in why
    assert "data.label: column 'day' holds date32[day], not labels." in why
    assert "holds binary, not text" in _why(table, text="raw", label="n")


@pytest.mark.parametrize("keys", [{}, {"text": "review", "label": "stars"}, {"need_label": False}])
def test_a_file_without_a_header_is_recognised(tmp_path, keys):
    path = tmp_path / "reviews.csv"
    path.write_text("A film that I liked very much indeed,good\nWooden,bad\nLovely,good\nDull,bad\n")
    assert "the header" in _why(read_table(path), **keys)


def test_a_header_is_recognised_as_missing_by_a_value_below_it(tmp_path):
    path = tmp_path / "reviews.tsv"
    path.write_text("Fine\tgood\nDull\tbad\nLovely\tgood\n")
    assert "the header seems to be missing" in _why(read_table(path), text="review", label="good")


def test_keys_of_json_lines_are_never_a_missing_header():
    table = _table("reviews.jsonl", words=[*LONG, "words"], mood=[*STARS, "mood"])
    assert choose_columns(table) == Columns("words", None, "mood")


def test_preferences_are_told_what_model_learns_from_them():
    rows = [{"prompt": f"question {n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(4)]
    with pytest.raises(ZooError) as caught:
        choose_columns(Table("pairs.jsonl", pa.Table.from_pylist(rows)))
    assert caught.value.why[-1] == (
        "Answers chosen and rejected are preferences: these need a model with --task text-generation."
    )
