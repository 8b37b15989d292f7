"""zoo.train.recipe_file: recipes in and out of TOML, and all of their faults at once."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import ZooError
from zoo.train.recipe import TABLES, DataKeys, ModelKeys, Recipe
from zoo.train.recipe_file import make_recipe, read_recipe, recipe_path, recipe_text, shipped_recipes, toml_value

WHOLE = {"model": {"preset": "minilm_l6"}, "data": {"train": "reviews.csv"}}


def fault(raw, overrides=()) -> ZooError:
    with pytest.raises(ZooError) as caught:
        make_recipe({**WHOLE, **raw}, overrides)
    return caught.value


# Round trips

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def values(kind, limits) -> st.SearchStrategy:
    if limits["choices"]:
        return st.sampled_from(limits["choices"])
    if isinstance(kind, types.UnionType):
        return st.one_of(*(values(option, limits) for option in typing.get_args(kind)))
    least = limits["least"] if limits["least"] is not None else limits["above"]
    most = limits["most"] if limits["most"] is not None else limits["below"]
    numbers = {"min_value": least, "max_value": most}
    return {
        str: TEXT,
        bool: st.booleans(),
        int: st.integers(**numbers),
        float: st.floats(
            **numbers,
            exclude_min=limits["above"] is not None,
            exclude_max=limits["below"] is not None,
            allow_nan=False,
            allow_infinity=False,
        ),
        tuple: st.lists(TEXT, max_size=3).map(tuple),
        type(None): st.none(),
    }[kind]


@st.composite
def recipes(draw) -> Recipe:
    tables = {}
    for table, kind in TABLES.items():
        tables[table] = draw(keys(kind))
    return Recipe(**tables)


CONFIG = st.recursive(
    st.one_of(TEXT, st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def keys(draw, kind):
    """A table with every key drawn, and those within it."""
    hints = typing.get_type_hints(kind)
    drawn = {}
    for f in dataclasses.fields(kind):
        if "limits" in f.metadata:
            drawn[f.name] = draw(values(hints[f.name], f.metadata["limits"]))
        elif "table" in f.metadata:
            drawn[f.name] = draw(st.none() | keys(f.metadata["table"]))
        elif dataclasses.is_dataclass(hints[f.name]):
            drawn[f.name] = draw(keys(hints[f.name]))
        else:
            drawn[f.name] = draw(st.dictionaries(TEXT, CONFIG, max_size=3))
    return kind(**drawn)


@given(recipes())
def test_a_recipe_that_was_written_reads_the_same(recipe):
    assert make_recipe(tomllib.loads(recipe_text(recipe))) == recipe


@given(recipes())
def test_overrides_can_write_every_key(recipe):
    overrides = [
        f"{table}.{key}={toml_value(value)}"
        for table, keys in recipe.written().items()
        for key, value in keys.items()
    ]
    assert make_recipe({}, overrides) == recipe


@given(TEXT)
def test_text_is_written_as_toml_reads_it(text):
    assert tomllib.loads(f"value = {toml_value(text)}") == {"value": text}


def test_a_file_is_read_and_named_after_itself(tmp_path):
    file = tmp_path / "stars.toml"
    file.write_text('[model]\npreset = "minilm_l6"\n[data]\ntrain = "x.csv"\n[train]\nlearning_rate = 2e-5\n')
    recipe = read_recipe(file, ["train.epochs=2"])
    assert recipe.name == "stars"
    assert (recipe.train.epochs, recipe.train.learning_rate) == (2, 2e-5)
    file.write_text(recipe_text(recipe))
    assert read_recipe(file) == recipe


# Overrides


@pytest.mark.parametrize(
    ("override", "table", "key", "value"),
    [
        ("train.epochs=1", "train", "epochs", 1),
        ("train.learning_rate=1", "train", "learning_rate", 1.0),
        ("train.learning_rate = 2e-5", "train", "learning_rate", 2e-5),
        ("train.schedule=cosine", "train", "schedule", "cosine"),
        ("data.packing=false", "data", "packing", False),
        ("data.validation=0", "data", "validation", 0),
        ("data.validation=held out/v=1.csv", "data", "validation", "held out/v=1.csv"),
        ('data.text="1"', "data", "text", "1"),
        (r"data.train=C:\data\x.csv", "data", "train", r"C:\data\x.csv"),
    ],
)
def test_an_override_is_read_as_toml_or_as_a_bare_word(override, table, key, value):
    found = getattr(getattr(make_recipe(WHOLE, [override]), table), key)
    assert (found, type(found)) == (value, type(value))


def test_the_last_override_wins():
    assert make_recipe(WHOLE, ["train.epochs=1", "train.epochs=2"]).train.epochs == 2


@pytest.mark.parametrize("override", ["epochs=1", "train.epochs", ".epochs=1", "train.=1", "", "="])
def test_an_override_of_another_form_says_the_form(override):
    assert f"--set {override}: it must read table.key=value" in str(fault({}, [override]))


# Faults


def test_all_faults_are_told_at_once():
    error = fault(
        {
            "model": {"weights": "pretained"},
            "data": {"train": "x.csv", "texts": "review", "packing": 1},
            "train": {"epoch": 3, "batch_size": 0, "learning_rate": "2e-5"},
            "trian": {"epochs": 3},
            "seed": 1,
        },
        ["output.dirs=runs/x", "nonsense"],
    )
    text = str(error)
    assert len(error.why) == 11
    for expected in (
        "model.preset is missing",
        "model.weights = 'pretained': choose of pretrained, random. Did you mean 'pretrained'?",
        "data.texts is not a key of a recipe. Did you mean 'text'?",
        "data.packing = 1: true or false is needed",
        "train.epoch is not a key of a recipe. Did you mean 'epochs'?",
        "train.batch_size = 0: it must be at least 1",
        "train.learning_rate = '2e-5': a number is needed",
        "[trian] is not a table of a recipe. Did you mean 'train'?",
        "seed = 1 stands outside the tables. It belongs in [train].",
        "output.dirs is not a key of a recipe. Did you mean 'dir'?",
        "--set nonsense: it must read table.key=value",
    ):
        assert expected in text
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("epochs", 1.5, "a whole number is needed"),
        ("epochs", True, "a whole number is needed"),
        ("epochs", "3", "a whole number is needed"),
        ("learning_rate", 0, "it must be more than 0"),
        ("learning_rate", -1e-4, "it must be more than 0"),
        ("learning_rate", float("nan"), "a finite number is needed"),
        ("learning_rate", float("inf"), "a finite number is needed"),
        ("learning_rate", 10**400, "a finite number is needed"),
        ("learning_rate", False, "a number is needed"),
        ("learning_rate", [1e-4], "a number is needed"),
        ("weight_decay", -0.1, "it must be at least 0"),
        ("seed", 2**32, f"it must be at most {2**32 - 1}"),
        ("seed", -1, "it must be at least 0"),
        ("schedule", "cosin", "Did you mean 'cosine'?"),
        ("schedule", 1, "a string is needed"),
        ("precision", "float16", "choose of float32, bfloat16"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_needed(key, value, why):
    text = str(fault({"train": {key: value}}))
    assert f"train.{key} = {value!r}: " in text
    assert why in text


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (True, "a number or a string is needed"),
        ([1], "a number or a string is needed"),
        (float("nan"), "a finite number is needed"),
        (5, "it must be less than 1"),
        (1.0, "it must be less than 1"),
        (-0.1, "it must be at least 0"),
    ],
)
def test_validation_is_a_share_or_a_string(value, why):
    assert why in str(fault({"data": {"train": "x.csv", "validation": value}}))


@pytest.mark.parametrize(("key", "value"), [("separator", ""), ("train_on", [])])
def test_an_empty_value_where_one_is_needed(key, value):
    assert f"data.{key} = {value!r}: it must not be empty" in str(fault({"data": {"train": "x.csv", key: value}}))
    made = Recipe(ModelKeys(preset="minilm_l6"), DataKeys(**{"train": "x.csv", key: value}))
    with pytest.raises(
        ZooError, match="it must not be empty"
    ):  # in Python, too, where all is checked as it is written
        make_recipe(made.written())


def test_a_key_in_the_wrong_table_is_sent_home():
    assert "model.epochs is not a key of a recipe. It belongs in [train]." in str(fault({"model": {"epochs": 3}}))
    assert "epochs = 3 stands outside the tables. It belongs in [train]." in str(fault({"epochs": 3}))


def test_a_table_that_is_no_table():
    text = str(fault({"model": "minilm_l6"}, ["model.preset=bert_base"]))
    assert "model = 'minilm_l6' stands outside the tables." in text


def test_what_is_missing_is_asked_for():
    with pytest.raises(ZooError) as caught:
        make_recipe({})
    assert [why.split(":")[0] for why in caught.value.why] == ["model.preset is missing", "data.train is missing"]


def test_faults_of_substance_are_told_with_those_of_form():
    with pytest.raises(ZooError) as caught:
        make_recipe({}, ["train.epochs=0"], lambda recipe, faults: faults.add("and one more"))
    assert "train.epochs" in caught.value.why[0]
    assert caught.value.why[-1] == "and one more"


# Files


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"[model\n", "line 1"), (b"x = 1\nx = 2\n", "line 2"), (b"name = '\xff'\n", "utf-8")],
)
def test_a_file_that_is_not_toml(tmp_path, content, why):
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    with pytest.raises(ZooError, match="is not valid TOML") as caught:
        read_recipe(file)
    assert why in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    (tmp_path / "reviews.toml").touch()
    with pytest.raises(ZooError, match=r"Did you mean 'reviews\.toml'\?") as caught:
        recipe_path(tmp_path / "reveiws.toml")
    assert "shipped recipes: " in str(caught.value)
    assert "quickstart" in str(caught.value)


def test_shipped_recipes_are_known_by_name_and_valid():
    shipped = shipped_recipes()
    assert "quickstart" in shipped
    for name, path in shipped.items():
        assert recipe_path(name) == path
        assert read_recipe(name) == read_recipe(path)
        assert read_recipe(name).name == name


def test_a_file_of_your_own_comes_before_a_shipped_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").write_text('[model]\npreset = "mine"\n[data]\ntrain = "x.csv"\n')
    assert read_recipe("quickstart").model.preset == "mine"


def test_class_weights_are_a_word_or_a_table():
    weights = {"train": {"class_weights": {"bad": 3, "good film": 0.5}}}
    found = make_recipe({**WHOLE, **weights})

    assert found.train.class_weights == {"bad": 3, "good film": 0.5}
    assert make_recipe(tomllib.loads(recipe_text(found))) == found
    assert make_recipe(WHOLE, ["train.class_weights.bad=3"]).train.class_weights == {"bad": 3}
    told = str(fault({"train": {"class_weights": {"bad": -1, "good": "much", "fine": 2}}}))
    assert "'bad' has -1, and it must be at least 0; 'good' has 'much', and a number is needed" in told
    assert "Did you mean 'balanced'?" in str(fault({"train": {"class_weights": "balance"}}))
    assert "a table of numbers or a string is needed" in str(fault({"train": {"class_weights": 3}}))
