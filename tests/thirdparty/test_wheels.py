"""Third parties' plugins, installed from wheels beside keras-zoo's, serve like the first-party ones."""

from __future__ import annotations

import json
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = ["a lovely warm song", "the meal was cold and awful", ""]


@pytest.fixture(scope="module")
def run(env, reviews) -> dict[str, Any]:
    """What `zoo finetune` prints at the end of a run of the toy preset."""
    keys = ("train.learning_rate=0.05", "train.epochs=5", "train.batch_size=16", "data.validation=0.2")
    return env.json("finetune", "toy_tiny", "--data", reviews, *(word for key in keys for word in ("--set", key)))


def names_in(wheels: Path, distribution: str) -> set[str]:
    (wheel,) = wheels.glob(f"{distribution}-*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_wheel_carries_every_file_of_every_package(wheels):
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"]
    expected = {
        f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
        for package, folder in packages.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    carried = {name for name in names_in(wheels, "keras_zoo") if ".dist-info/" not in name}
    assert carried == expected


@pytest.mark.parametrize(
    ("pattern", "package"),
    [
        ("presets/*.toml", "zoo_presets"),
        ("presets/*.lock.json", "zoo_presets"),
        ("recipes/*.toml", "zoo_recipes"),
        ("zoo/train/report.html", "zoo/train"),
        ("zoo/hub/imagenet_1k.txt", "zoo/hub"),
    ],
)
def test_wheel_carries_data(wheels, pattern, package):
    expected = {f"{package}/{path.name}" for path in ROOT.glob(pattern)}
    assert expected
    assert expected <= names_in(wheels, "keras_zoo")


def test_wheel_carries_the_manifest_of_every_plugin(wheels):
    expected = {f"{path.parent.name}/zoo.toml" for path in ROOT.glob("plugins/*/zoo.toml")}
    assert len(expected) == len(list(ROOT.glob("plugins/*/__init__.py")))
    assert expected <= names_in(wheels, "keras_zoo")


def test_everything_comes_from_the_wheels(env):
    where = env.python(
        "import zoo, zoo_toy, zoo_presets; print(zoo.__file__, zoo_toy.__file__, zoo_presets.__file__)"
    )
    assert all(path.startswith(str(env.home)) for path in where.split())


def test_list_shows_first_and_third_party_presets(env):
    listed = {row["name"]: row for row in env.json("list", "--all")}
    first_party = {
        name for path in ROOT.glob("presets/*.toml") for name in tomllib.loads(path.read_text()).keys() - {"schema"}
    }
    assert listed.keys() == first_party | {"toy_tiny", "broken_tiny"}
    assert listed["toy_tiny"]["plugin"] == "toy"
    assert listed["toy_tiny"]["tasks"] == ["feature-extraction", "text-classification"]


def test_show_tells_what_the_preset_is_pinned_to(env):
    shown = env.json("show", "toy:toy_tiny")
    assert shown["source"] == "pkg://zoo_toy/model"
    assert set(shown["files"]) == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


@pytest.mark.parametrize("command", ["--help", "--version", "list", "plugins", "show toy_tiny"])
def test_light_commands_import_nothing_heavy(env, command):
    script = f"""
import sys
from zoo.cli import main
try:
    main({command.split()})
except SystemExit as end:
    assert not end.code, end.code
heavy = ("keras", "jax", "numpy", "pyarrow", "tokenizers", "huggingface_hub", "transformers", "torch", "tensorflow")
print(sorted(name for name in sys.modules if name in heavy or name.startswith("zoo_")), file=sys.stderr)
"""
    done = env.run("python", "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"


def test_load_and_embed(env):
    script = f"""
import json, zoo
model = zoo.load("toy_tiny")
vectors = model.embed({SAMPLE})
print(json.dumps([model.task, model.audit.fresh, vectors.shape, str(vectors.dtype)]))
"""
    assert json.loads(env.python(script)) == ["feature-extraction", [], [3, 16], "float32"]


def test_finetune_learns(env, run):
    assert run["metrics"]["accuracy"] > run["baseline"] + 0.3
    folder = env.folder / run["run"]
    assert folder == env.folder / "runs" / "reviews"
    assert {"recipe.toml", "metrics.jsonl", "report.html", "model"} <= {path.name for path in folder.iterdir()}


def test_evaluate(env, run, reviews):
    metrics = env.json("evaluate", run["run"], "--data", reviews)["metrics"]
    assert metrics["accuracy"] > run["baseline"] + 0.3


def test_predict(env, run):
    rows = env.json("predict", run["run"], *SAMPLE[:2])
    assert [row["output"]["label"] for row in rows] == ["good", "bad"]


def test_save_and_reload_give_equal_outputs(env, run):
    script = f"""
import json, numpy as np, zoo
texts = {SAMPLE}
model = zoo.load({run["run"]!r})
model.save_pretrained("saved")
again = zoo.load("saved")
np.testing.assert_array_equal(again.probabilities(texts), model.probabilities(texts))
assert again.labels == model.labels == ("bad", "good")
assert again.task == "text-classification"
model.save("saved.keras")
np.testing.assert_array_equal(zoo.load("saved.keras").probabilities(texts), model.probabilities(texts))
features = zoo.load("saved", task="feature-extraction")
print(json.dumps([sorted(features.audit.ignored), features.embed(texts).shape]))
"""
    assert json.loads(env.python(script)) == [["classifier.bias", "classifier.weight"], [3, 16]]


def test_packed_rows_change_nothing(env):
    script = f"""
import numpy as np, zoo
model = zoo.load("toy_tiny", task="text-classification", labels=["bad", "good"])
first, second = model.preprocess.encode({SAMPLE[:2]})
packed = {{
    "input_ids": np.concatenate([first.ids, second.ids])[None],
    "segment_ids": np.repeat([1, 2], [len(first), len(second)])[None],
    "example_index": np.array([[0, 0], [0, len(first)]], np.int32),
}}
np.testing.assert_allclose(model(packed), model(model.preprocess({SAMPLE[:2]})), atol=1e-6)
"""
    env.python(script)


def test_an_adapter_is_trained_on_a_plugin_without_code_of_its_own(env, reviews):
    keys = ("model.lora.targets=all", "model.lora.rank=2", "train.learning_rate=0.05", "train.batch_size=16")
    run = env.json("finetune", "toy_tiny", "--data", reviews, *(word for key in keys for word in ("--set", key)))
    assert run["metrics"]["accuracy"] > run["baseline"]
    script = f"""
import json, numpy, zoo
merged, adapted = zoo.load({run["run"]!r}), zoo.load("toy_tiny", adapter={run["run"]!r})
apart = numpy.abs(merged.probabilities({SAMPLE}) - adapted.probabilities({SAMPLE})).max()
config = json.load(open({run["run"]!r} + "/adapter/adapter_config.json"))
print(json.dumps([float(apart), config["target_modules"], config["modules_to_save"]]))
"""
    apart, targets, saved = json.loads(env.python(script))
    assert apart < 1e-5
    assert (targets, saved) == (["dense"], ["classifier"])
