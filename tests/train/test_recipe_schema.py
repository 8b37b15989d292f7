"""zoo.train.recipe_schema: a schema that accepts what the recipe accepts, and refuses what it refuses."""

from __future__ import annotations

import tomllib

import jsonschema
import pytest

from zoo.errors import ZooError
from zoo.train.recipe_file import make_recipe, recipe_text, shipped_recipes
from zoo.train.recipe_schema import recipe_schema

WHOLE = {"model": {"preset": "minilm_l6"}, "data": {"train": "reviews.csv"}}
WRONG = [
    {"train": {"epoch": 1}},
    {"train": {"epochs": 0}},
    {"train": {"epochs": 1.5}},
    {"train": {"learning_rate": 0}},
    {"train": {"schedule": "cosin"}},
    {"train": {"seed": 2**32}},
    {"data": {"packing": "yes", "train": "x.csv"}},
    {"data": {"augment": {"flip": 2}, "train": "x.csv"}},
    {"data": {"augment": {"turn": 1}, "train": "x.csv"}},
    {"data": {"augment": 1, "train": "x.csv"}},
    {"data": {"validation": True, "train": "x.csv"}},
    {"data": {"validation": 5, "train": "x.csv"}},
    {"data": {"validation": 1.0, "train": "x.csv"}},
    {"data": {"separator": "", "train": "x.csv"}},
    {"data": {"train_on": [], "train": "x.csv"}},
    {"train": {"callbacks": [1]}},
    {"trian": {}},
]


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    made = recipe_schema()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_are_valid(schema, name):
    schema.validate(tomllib.loads(shipped_recipes()[name].read_text(encoding="utf-8")))


def test_what_is_written_is_valid(schema):
    recipe = make_recipe({**WHOLE, "train": {"learning_rate": 1}, "data": {**WHOLE["data"], "validation": 0}})
    schema.validate(tomllib.loads(recipe_text(recipe)))
    schema.validate({"extends": "base.toml"})


def test_what_takes_back_an_extended_recipes_value_is_valid(schema):
    raw = {"data": {"train": "x.csv", "text": "", "problem_type": ""}, "train": {"callbacks": []}}
    schema.validate(raw)
    assert make_recipe({**WHOLE, **raw}).train.callbacks == ()


@pytest.mark.parametrize("raw", WRONG, ids=str)
def test_what_the_recipe_refuses_the_schema_refuses(schema, raw):
    assert not schema.is_valid(raw)
    with pytest.raises(ZooError):
        make_recipe({**WHOLE, **raw})


def test_every_key_says_what_it_is_for(schema):
    def keys(table):
        for key in table["properties"].values():
            yield key
            if "properties" in key:
                yield from keys(key)

    assert all(key["description"] for key in keys(schema.schema))
