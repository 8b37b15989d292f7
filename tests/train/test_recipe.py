"""zoo.train.recipe: the keys of a recipe, as Python dataclasses."""

from __future__ import annotations

import dataclasses
import typing

import pytest

from zoo.errors import ZooError
from zoo.train.recipe import FREE_TABLES, TABLES, AugmentKeys, DataKeys, ModelKeys, Recipe

KEYS = [
    (table, field)
    for table, kind in {**TABLES, "data.augment": AugmentKeys}.items()
    for field in dataclasses.fields(kind)
]


@pytest.mark.parametrize(("table", "field"), KEYS, ids=[f"{table}.{field.name}" for table, field in KEYS])
def test_every_key_says_what_it_is_for_and_its_default_keeps_its_limits(table, field):
    assert field.metadata["help"]
    if "limits" not in field.metadata:
        return  # a table of its own
    choices = field.metadata["limits"]["choices"]
    assert not choices or not isinstance(field.default, str) or field.default in choices
    for limit, fits in (
        ("least", lambda bound: field.default >= bound),
        ("above", lambda bound: field.default > bound),
        ("most", lambda bound: field.default <= bound),
        ("below", lambda bound: field.default < bound),
    ):
        bound = field.metadata["limits"][limit]
        assert bound is None or isinstance(field.default, str | None) or fits(bound)


def test_every_table_is_a_field_of_the_recipe():
    free = {"name", *FREE_TABLES}
    assert {name: kind for name, kind in typing.get_type_hints(Recipe).items() if name not in free} == TABLES


def test_replace_changes_one_table_only():
    recipe = Recipe(model=ModelKeys(preset="minilm_l6"))
    changed = recipe.replace("train", epochs=7)
    assert changed.train.epochs == 7
    assert dataclasses.replace(changed, train=recipe.train) == recipe


def test_keys_without_a_value_are_not_written():
    written = Recipe(data=DataKeys(train="x.csv", validation=0, packing=False)).written()
    rest = {k: v for k, v in dataclasses.asdict(DataKeys()).items() if v not in (None, "")}
    assert written["data"] == {**rest, "train": "x.csv", "validation": 0, "packing": False}
    assert "config" not in written["model"]
    assert "preset" not in written["model"]
    assert written["output"] == {"probe": False}
    assert "track" not in written


def test_a_recipe_of_tables_is_checked_as_a_file_is(tmp_path):
    recipe = Recipe.of(model={"preset": "minilm_l6"}, data={"train": "x.csv"}, train={"epochs": 1})
    assert (recipe.model.preset, recipe.data.train, recipe.train.epochs) == ("minilm_l6", "x.csv", 1)
    file = tmp_path / "own.toml"
    file.write_text('[model]\npreset = "minilm_l6"\n[data]\ntrain = "x.csv"\n')
    assert Recipe.read(file, ["train.epochs=1"]) == dataclasses.replace(recipe, name="own")
    with pytest.raises(ZooError, match="is not valid"):
        Recipe.of(model={"preset": "minilm_l6"}, data={"train": "x.csv"}, train={"epoch": 1})
