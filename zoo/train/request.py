"""What can be known of a recipe without opening anything: names, paths and combinations, all faults at once."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from zoo.data.conversations import ANSWERS, ROLES
from zoo.data.hub_data import check_name
from zoo.data.readers import check_readable
from zoo.errors import Faults, ZooError, did_you_mean
from zoo.hub.adapter import adapter_files
from zoo.hub.description import kind_of
from zoo.hub.files import ADAPTER_CONFIG, CONFIG, local_files
from zoo.hub.source import Source, is_url
from zoo.registry.code import architecture_of, dataset_names, tasks_of, tasks_of_architecture
from zoo.registry.plugins import known_tasks
from zoo.registry.presets import find_preset, is_preset, presets
from zoo.train.directory import holder
from zoo.train.fitting import budget_seconds
from zoo.train.named_code import fault_of
from zoo.train.readers import is_folder
from zoo.train.recipe import DataKeys, Recipe
from zoo.train.recipe_file import shipped_recipes
from zoo.train.text_metrics import check_metrics
from zoo.train.trackers import check_trackers

_GUESSED = ("text-classification", "token-classification", "image-classification", "text-generation")
TRAINABLE = (*_GUESSED, "feature-extraction")
"""The tasks that a recipe can train; the others train with `model.fit`, where they have a loss."""


def complete(recipe: Recipe, faults: Faults) -> Recipe:
    """The recipe with its task. Adds to `faults` everything that is wrong with its names and paths."""
    if not recipe.model.task:
        recipe = recipe.replace("model", task=_task_of(recipe))
    _check_model(recipe, faults)
    _check_adapter(recipe, faults)
    data = recipe.data
    _check_texts(recipe, faults)
    for name, value in (("data.train", data.train), ("data.test", data.test)):
        if value:
            check_data(name, value, recipe.model.task, faults)
    if isinstance(data.validation, str):
        check_data("data.validation", data.validation, recipe.model.task, faults)
    if recipe.train.class_weights != "equal" and recipe.model.task in ("text-generation", "feature-extraction"):
        faults.add(f"train.class_weights: {recipe.model.task} has no classes")
    if recipe.model.task == "feature-extraction":
        _check_pairs(recipe, faults)
    if recipe.output.probe and recipe.model.task == "token-classification":
        faults.add("output.probe: a probe is for labels of whole inputs, and here every word has one")
    if recipe.evaluate.answers and recipe.model.task != "text-generation":
        faults.add(f"evaluate.answers: {recipe.model.task} answers nothing; that is for text-generation")
    check_metrics("evaluate.answers", recipe.evaluate.answers, faults)
    for named in recipe.train.callbacks:
        if fault := fault_of(named):
            faults.add(f"train.callbacks: '{named}': {fault}")
    check_trackers(recipe, faults)
    if recipe.train.early_stopping and data.validation == 0:
        faults.add("train.early_stopping waits for a better score on validation rows, and data.validation is 0")
    if recipe.train.budget and not budget_seconds(recipe.train.budget):
        faults.add(f"train.budget = '{recipe.train.budget}': a time such as 20min, 90s or 1h 30min is needed")
    if recipe.train.budget and recipe.train.steps:
        faults.add("train.budget and train.steps are both given; a run ends by one of them")
    if recipe.output.dir:
        _check_output(Path(recipe.output.dir).expanduser(), faults)
    return recipe


def _check_texts(recipe: Recipe, faults: Faults) -> None:
    """What a language model learns from, and what no other model does."""
    data, chat = recipe.data, recipe.data.chat_template
    columns = ("messages", "prompt", "completion", "chosen", "rejected")
    given = [key for key in (*columns, "chat", "chat_template") if _given(data, key)]
    if recipe.model.task != "text-generation":
        given += ["train_on"] if data.train_on != ANSWERS else []
        faults.found += [f"data.{key}: {recipe.model.task} learns from no conversations" for key in given]
        return
    for key in ("label", "text_pair", "problem_type"):
        if value := getattr(data, key):
            faults.add(f"data.{key} = '{value}': text-generation learns from the texts alone")
    if data.text and (others := [key for key in given if key in columns]):
        faults.add(f"data.text and data.{others[0]} are both given; a row is a text or a conversation")
    if data.messages and data.chat is False:
        faults.add("data.chat = false: messages have no text but what a chat template writes")
    if chat and data.chat is False:
        faults.add("data.chat = false, and data.chat_template is given, too")
    if isinstance(data.train_on, tuple):
        for role in (role for role in data.train_on if role not in ROLES):
            faults.add(
                f"data.train_on: there is no role '{role}', only {', '.join(ROLES)}.{did_you_mean(role, ROLES)}"
            )
    if chat:
        from zoo.chat.template import read_template_file  # not before it is needed: it takes its time to import

        try:
            read_template_file(chat)
        except ZooError as error:
            faults.add(f"data.chat_template: {' '.join([error.what, *error.why])}")


def _given(data: DataKeys, key: str) -> bool:
    return getattr(data, key) not in (None, "")


def _task_of(recipe: Recipe) -> str:
    """What the model was published for, where that can be trained, else what its plugin's manifest names first of
    what can. Where only files that are still to be fetched would tell, the data does: pictures are classified, and
    so are texts."""
    name, can = recipe.model.preset, ("image-classification",) if _has_pictures(recipe.data) else ()
    with contextlib.suppress(ZooError):
        if recipe.model.architecture:
            can = tasks_of_architecture(recipe.model.architecture)
        elif is_preset(name):
            preset = find_preset(name)
            can = (preset.task, *tasks_of(preset))
        elif (folder := Path(name.removeprefix("file://")).expanduser()).is_dir():
            folder = folder / "model" if (folder / "recipe.toml").is_file() else folder
            source = local_files(folder).mapping(CONFIG)
            qualified = architecture_of(kind_of(source))
            can = tasks_of_architecture(qualified)
    return next((task for task in can if task in _GUESSED), _GUESSED[0])


def _has_pictures(data: DataKeys) -> bool:
    return bool(data.image) or is_folder(data.train)


def _check_model(recipe: Recipe, faults: Faults) -> None:
    name, task = recipe.model.preset, recipe.model.task
    try:
        if recipe.model.architecture:
            _check_scratch(recipe, faults)
        elif is_url(name):
            Source.parse(name)
        elif is_preset(name):
            can = tasks_of(find_preset(name))
            if task in TRAINABLE and task not in can:
                faults.add(f"model.task: '{name}' cannot do '{task}', only {', '.join(can)}")
        elif name and Path(name).expanduser().is_file():
            faults.add(f"model.preset: '{name}' is a file. Data is named by data.train, or --data")
        elif name and not Path(name).expanduser().is_dir():
            # A recipe too, because 'zoo finetune quikstart' asks for neither.
            names = [*(preset.name for preset in presets()), *shipped_recipes()]
            faults.add(f"model.preset: there is no preset '{name}'.{did_you_mean(name, names)}")
    except ZooError as error:
        faults.add(f"model.{'architecture' if recipe.model.architecture else 'preset'}: {error.what}")
    if task not in known_tasks():
        faults.add(f"model.task: there is no task '{task}'.{did_you_mean(task, known_tasks())}")
    elif task not in TRAINABLE:
        faults.add(f"model.task: a recipe cannot train '{task}', only {', '.join(TRAINABLE)}")


def _check_pairs(recipe: Recipe, faults: Faults) -> None:
    """What does not go with pairs of texts, each of which is told from the others of its batch."""
    for key in ("label", "problem_type"):
        if value := getattr(recipe.data, key):
            faults.add(
                f"data.{key} = '{value}': feature-extraction learns from pairs: data.text and data.text_pair"
            )
    if recipe.train.batch_size == "auto" or recipe.train.accumulate > 1:
        key = "accumulate" if recipe.train.accumulate > 1 else "batch_size"
        value = getattr(recipe.train, key)
        faults.add(
            f"train.{key} = {value!r}: a pair is told from the others that are computed with it, so several small "
            "batches are not one large one; say train.batch_size as a number"
        )
    if isinstance(recipe.train.batch_size, int) and recipe.train.batch_size < 2:
        faults.add("train.batch_size = 1: a pair is told from the others of its batch; two at least are needed")
    if recipe.output.probe:
        faults.add("output.probe: a probe is for labels, and pairs have none")


def _check_scratch(recipe: Recipe, faults: Faults) -> None:
    """An architecture in place of a preset: trained from random weights, by a config of the recipe's own."""
    model = recipe.model
    can = tasks_of_architecture(model.architecture)
    if model.preset:
        faults.add("model.preset and model.architecture are both given; a model starts from one of them")
    if model.task in TRAINABLE and model.task not in can:
        faults.add(f"model.task: '{model.architecture}' cannot do '{model.task}', only {', '.join(can)}")


def _check_adapter(recipe: Recipe, faults: Faults) -> None:
    """An adapter, new or to be trained on, and what goes with it."""
    model = recipe.model
    if model.lora and not any(part.strip() for part in model.lora.targets.split(",")):
        faults.add("model.lora.targets names no layer: attention, mlp, all, or patterns are needed")
    if model.lora and model.adapter:
        faults.add("model.lora and model.adapter are both given; an adapter to train on brings its own rank")
    if (model.lora or model.adapter) and recipe.train.freeze != "nothing":
        faults.add(f'train.freeze = "{recipe.train.freeze}": an adapter leaves the model as it is already')
    if not model.adapter:
        return
    try:
        if is_url(model.adapter):
            Source.parse(model.adapter)
        else:
            adapter_files(model.adapter).path(ADAPTER_CONFIG)
    except ZooError as error:
        faults.add(f"model.adapter: {error.what}")


def check_data(name: str, value: str, task: str, faults: Faults) -> None:
    """Add to `faults` why `value`, which `name` names, cannot be the data of a task, if so."""
    if value in dataset_names():
        return
    if is_folder(value):
        if not task.startswith("image-"):
            faults.add(f"{name}: '{value}' is a directory, as pictures come in; {task} learns from a file")
        return
    if is_url(value):
        if fault := check_name(value):
            faults.add(f"{name}: {fault}")
        return
    near = did_you_mean(value, dataset_names())
    if near and not Path(value).exists():
        faults.add(f"{name}: there is no file and no data set '{value}'.{near}")
    else:
        check_readable(value, faults, name)


def _check_output(folder: Path, faults: Faults) -> None:
    if owner := holder(folder):
        faults.add(f"output.dir: '{folder}' is in use: a run is going on in it ({owner})")
    elif (folder / "recipe.toml").exists():
        faults.add(
            f"output.dir: '{folder}' already holds a run; choose another directory, or remove it; "
            f"one that was cut off goes on with: zoo finetune --resume {folder}"
        )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        faults.add(f"output.dir: '{folder}' is not an empty directory")
    else:
        there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            faults.add(f"output.dir: '{folder}' cannot be made, because '{there}' cannot be written to")
