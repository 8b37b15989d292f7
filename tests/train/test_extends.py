"""zoo.train.extends: recipes that build on others."""

from __future__ import annotations

import pytest

from zoo.errors import ZooError
from zoo.train.recipe_file import read_recipe

BASE = """
[model]
preset = "minilm_l6"
[data]
train = "base.csv"
augment = { flip = 0.25, crop = 0.5 }
[train]
epochs = 7
"""


@pytest.fixture
def write(tmp_path):
    def one(name: str, text: str):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return one


def test_the_file_that_extends_has_the_last_word_key_by_key(write):
    write("shared/base.toml", BASE)
    write("middle.toml", 'extends = "shared/base.toml"\n[train]\nbatch_size = 4\nepochs = 5\n')
    top = write("top.toml", 'extends = "middle.toml"\n[data]\ntrain = "top.csv"\naugment = { flip = 0 }\n')
    recipe = read_recipe(top, ["train.seed=3"])
    assert recipe.name == "top"
    assert recipe.model.preset == "minilm_l6"
    assert recipe.data.train == "top.csv"
    assert (recipe.data.augment.flip, recipe.data.augment.crop) == (0, 0.5)
    assert (recipe.train.epochs, recipe.train.batch_size, recipe.train.seed) == (5, 4, 3)


def test_an_empty_value_takes_back_what_stands_beneath(write):
    said = 'text = "review"\nproblem_type = "regression"\n[train]\ncallbacks = ["own.py:Own"]\n'
    write("base.toml", BASE.replace("[train]\n", said))
    undone = 'text = ""\nproblem_type = ""\n[train]\ncallbacks = []\n'
    recipe = read_recipe(write("top.toml", f'extends = "base.toml"\n[data]\n{undone}'))
    assert (recipe.train.callbacks, recipe.train.epochs) == ((), 7)
    assert (recipe.data.text, recipe.data.problem_type) == (None, None)


def test_a_shipped_recipe_can_be_extended(write):
    own = write("own.toml", 'extends = "quickstart"\n[train]\nepochs = 1\n')
    recipe = read_recipe(own)
    assert recipe.train.epochs == 1
    assert recipe.data == read_recipe("quickstart").data


def test_a_folder_beside_it_comes_before_the_shipped_one(write):
    write("quickstart", BASE)
    assert read_recipe(write("own.toml", 'extends = "quickstart"\n')).train.epochs == 7


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a.toml": "a.toml"}, "a.toml' -> '"),
        ({"a.toml": "b.toml", "b.toml": "./a.toml"}, "b.toml' -> '"),
        ({"a.toml": "b.toml", "b.toml": "c.toml", "c.toml": "b.toml"}, "c.toml' -> '"),
    ],
)
def test_circles(write, tmp_path, files, told):
    for name, base in files.items():
        write(name, f'extends = "{base}"\n')
    with pytest.raises(ZooError, match="extend one another in a circle") as caught:
        read_recipe(tmp_path / "a.toml")
    assert told in str(caught.value)


def test_a_file_that_is_not_there(write):
    write("base.toml", BASE)
    own = write("own.toml", 'extends = "bsae.toml"\n')
    with pytest.raises(ZooError, match=r"Did you mean 'base\.toml'\?") as caught:
        read_recipe(own)
    assert "own.toml' extends 'bsae.toml'" in caught.value.what


@pytest.mark.parametrize("value", ["3", '["base.toml"]', '""', "{ a = 1 }"])
def test_a_value_that_is_no_path(write, value):
    with pytest.raises(ZooError, match="the path of another recipe is needed"):
        read_recipe(write("own.toml", f"extends = {value}\n"))


def test_a_base_that_is_not_toml_is_named(write):
    write("base.toml", "[model\n")
    with pytest.raises(ZooError, match=r"base\.toml is not valid TOML"):
        read_recipe(write("own.toml", 'extends = "base.toml"\n'))


def test_a_fault_is_told_with_the_file_it_stands_in(write):
    base = write("base.toml", f'{BASE}epoch = 3\nschedule = "cosin"\n')
    own = write("own.toml", 'extends = "base.toml"\n[train]\nbatch_size = 0\nepochs = "all"\n')
    with pytest.raises(ZooError) as caught:
        read_recipe(own)
    assert sorted(caught.value.why) == [
        "train.batch_size = 0: it must be at least 1",
        f"train.epoch is not a key of a recipe. Did you mean 'epochs'? (in {base})",
        "train.epochs = 'all': a whole number is needed",
        f"train.schedule = 'cosin': choose of constant, linear, cosine, wsd. Did you mean 'cosine'? (in {base})",
    ]


def test_what_is_missing_may_stand_in_the_base(write):
    write("base.toml", BASE)
    assert read_recipe(write("own.toml", 'extends = "base.toml"\n')).data.train == "base.csv"
    with pytest.raises(ZooError, match="is not valid"):
        read_recipe(write("bare.toml", "[train]\nepochs = 1\n"))
