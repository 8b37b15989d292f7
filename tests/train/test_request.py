"""zoo.train.request and zoo.train.finetune.resolve: what is refused before anything is opened."""

from __future__ import annotations

import pytest

from zoo.errors import Faults, ZooError
from zoo.train.finetune import resolve
from zoo.train.recipe import DataKeys, ModelKeys, OutputKeys, Recipe
from zoo.train.request import complete


@pytest.fixture
def reviews(tmp_path):
    file = tmp_path / "reviews.csv"
    file.write_text("review,stars\na,1\nb,2\n")
    return str(file)


def found(recipe: Recipe) -> list[str]:
    faults = Faults()
    complete(recipe, faults)
    return faults.found


def with_data(**keys) -> Recipe:
    return Recipe(model=ModelKeys(preset="minilm_l6"), data=DataKeys(**keys))


def test_a_recipe_that_can_be_served(reviews, tmp_path):
    assert found(with_data(train=reviews)) == []
    assert found(with_data(train=reviews, validation=0)) == []
    assert found(with_data(train=reviews, validation=reviews, test=reviews)) == []
    assert found(with_data(train="docstrings", validation="docstrings", test="docstrings")) == []
    for name in (str(tmp_path), f"file://{tmp_path}", "bert:bert_base"):
        assert found(Recipe(model=ModelKeys(preset=name), data=DataKeys(train=reviews))) == []


@pytest.mark.parametrize("name", ["hf://org/name", "hf://datasets/name", "https://example.org/x.csv"])
def test_a_url_that_is_no_data_set_of_the_hub_is_told_before_anything_is_asked(name):
    with pytest.raises(ZooError, match="is not valid") as caught:
        resolve("minilm_l6", data=name)
    assert any(f"data.train: '{name}' does not name a data set of the Hub" in why for why in caught.value.why)


def test_a_run_on_a_data_set_of_the_hub_has_its_name():
    assert resolve("minilm_l6", data="hf://datasets/org/reviews@refs/convert/parquet/en").name == "reviews"


@pytest.mark.parametrize("name", ["data.train", "data.validation", "data.test"])
def test_data_that_is_not_there(reviews, tmp_path, name):
    key = name.removeprefix("data.")
    missing = str(tmp_path / "reveiws.csv")
    (fault,) = found(with_data(**{"train": reviews, key: missing}))
    assert fault.startswith(f"{name}: There is no file '{missing}'. Did you mean 'reviews.csv'?")
    (fault,) = found(with_data(**{"train": reviews, key: "docstring"}))
    assert fault == f"{name}: there is no file and no data set 'docstring'. Did you mean 'docstrings'?"
    (fault,) = found(with_data(**{"train": reviews, key: str(tmp_path)}))
    assert "is a directory" in fault


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"preset": "minlm_l6"}, "model.preset: there is no preset 'minlm_l6'. Did you mean 'minilm_l6'?"),
        ({"preset": "quikstart"}, "Did you mean 'quickstart'?"),
        (
            {"preset": "", "architecture": "brt"},
            "model.architecture: No installed plugin has an architecture 'brt'.",
        ),
        ({"preset": __file__}, f"model.preset: '{__file__}' is a file. Data is named by data.train, or --data"),
        ({"task": "text-clasification"}, "there is no task 'text-clasification'. Did you mean 'text-class"),
        ({"task": "fill-mask"}, "model.task: a recipe cannot train 'fill-mask', only text-classification"),
    ],
)
def test_a_model_that_cannot_be_trained(reviews, keys, why):
    recipe = Recipe(model=ModelKeys(**{"preset": "minilm_l6", **keys}), data=DataKeys(train=reviews))
    (fault,) = found(recipe)
    assert why in fault


def test_an_output_directory_that_cannot_be_used(reviews, tmp_path):
    def told(folder) -> list[str]:
        return found(with_data(train=reviews).replace("output", dir=str(folder)))

    run, full = tmp_path / "run", tmp_path / "full"
    for folder in (run, full):
        folder.mkdir()
    (run / "recipe.toml").touch()
    (full / "notes.txt").touch()
    assert told(tmp_path / "new" / "deep") == []
    assert "already holds a run" in told(run)[0]
    assert "is not an empty directory" in told(full)[0]
    assert "is not an empty directory" in told(reviews)[0]
    assert f"because '{reviews}' cannot be written to" in told(f"{reviews}/run")[0]


# What a request means


def test_a_preset_and_data_are_a_recipe(reviews, tmp_path):
    recipe = resolve("minilm_l6", data=reviews, output=tmp_path / "out", overrides=["train.epochs=1"])
    assert (recipe.model.preset, recipe.data.train, recipe.train.epochs) == ("minilm_l6", reviews, 1)
    assert recipe.output.dir == str(tmp_path / "out")
    assert recipe.name == "reviews"


def test_a_url_s_task_is_its_files_word_or_the_data_s(reviews, tmp_path):
    network, pictures = tmp_path / "network", tmp_path / "pictures"
    for folder in (network, pictures):
        folder.mkdir()
    (network / "config.json").write_text('{"architecture": "resnet18"}')

    def task(name, data, **keys) -> str:
        return resolve(name, data=data, overrides=[f"{key}={value}" for key, value in keys.items()]).model.task

    assert task(f"file://{network}", reviews) == "image-classification"
    assert task("hf://org/name", pictures) == "image-classification"
    assert task("hf://org/name", reviews, **{"data.image": "review"}) == "image-classification"
    assert task("hf://org/name", reviews) == "text-classification"


def test_a_run_is_named_after_its_data_not_after_the_path_of_its_model(reviews, tmp_path):
    assert resolve(str(tmp_path), overrides=[f"data.train={reviews}"]).name == "reviews"


@pytest.mark.parametrize("name", ['quo"ted', r"back\slash", "new\nline", "del\x7f", "é"])
def test_paths_may_hold_any_character(tmp_path, name):
    file = tmp_path / f"{name}.csv"
    file.write_text("review,stars\n")
    assert resolve("minilm_l6", data=file).data.train == str(file)


def test_a_recipe_of_python_is_checked_as_a_file_is(reviews):
    recipe = with_data(train=reviews)
    assert resolve(recipe) == recipe.replace("model", task="text-classification")
    with pytest.raises(ZooError) as caught:
        resolve(recipe.replace("train", epochs=0, learning_rate=float("nan")).replace("model", preset="minlm_l6"))
    assert [why.split()[0] for why in caught.value.why] == ["train.epochs", "train.learning_rate", "model.preset:"]


def test_faults_of_keys_names_and_paths_are_told_together(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[model]\npreset = "bert_bse"\n[data]\ntrain = "gone.csv"\n[train]\nepoch = 1\n')
    with pytest.raises(ZooError) as caught:
        resolve(file, task="text-clasification", output=tmp_path)
    text = str(caught.value)
    assert len(caught.value.why) == 5
    for part in ("'epochs'", "'bert_base'", "gone.csv", "'text-classification'", "output.dir"):
        assert part in text


def test_nothing_to_learn_from():
    with pytest.raises(ZooError, match="is not valid") as caught:
        resolve("bert_bse")
    assert "Did you mean 'bert_base'?" in str(caught.value)
    assert "data.train is missing" in str(caught.value)


def test_an_output_key_of_python_is_kept(reviews):
    recipe = Recipe(ModelKeys(preset="minilm_l6"), DataKeys(train=reviews), output=OutputKeys(dir="runs/mine"))
    assert resolve(recipe).output.dir == "runs/mine"


def test_data_that_is_not_there_is_told_with_the_options_that_name_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for overrides, fix in (
        ((), "Name the data: --data PATH."),
        (("data.test=gone",), "Name the data: --data PATH, --set data.test=PATH."),
    ):
        with pytest.raises(ZooError) as caught:
            resolve("image_folder", overrides=overrides)
        assert "data.train: There is no file 'photos'." in caught.value.why
        assert caught.value.fix == fix
    with pytest.raises(ZooError) as caught:
        resolve("resnet18")
    assert caught.value.fix == "Name the data: --data PATH.\n'zoo finetune --keys' lists every key."
