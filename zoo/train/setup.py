"""From a recipe and its examples to the model and the step that trains it: what a run and its check share."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.chat.plain import PLAIN_TEMPLATE, ROLE_TOKENS
from zoo.chat.template import read_template_file
from zoo.data.conversations import Completion, Conversation, Preference, texts_of
from zoo.data.examples import Examples
from zoo.data.labels import output_names
from zoo.data.problems import LANGUAGE, PREFERENCE, PROBLEMS, REGRESSION, classes_of
from zoo.data.vocabulary import learn_tokenizer
from zoo.errors import ZooError, did_you_mean, some
from zoo.hub.description import labels_of
from zoo.loading import Found, Weights, build, locate
from zoo.registry.code import find_architecture
from zoo.tasks.losses import preference, preference_told
from zoo.train.changed_config import own_config, with_changes
from zoo.train.depth import depths
from zoo.train.feeds import preparation
from zoo.train.freezing import batch_norms, freeze
from zoo.train.optimizer import Schedule, make_optimizer, make_schedule
from zoo.train.recipe import Recipe
from zoo.train.remat import remat_blocks
from zoo.train.splits import Splits
from zoo.train.step import Trainer, make_trainer
from zoo.weights.build import variable_path
from zoo.weights.peft import read_adapter


def locate_model(recipe: Recipe, weights: Weights | None = None) -> Found:
    """The files that a recipe's model starts from, fetched and verified, with what it changes of their config.

    Args:
        weights: `random` leaves the preset's weights where they are; by default, what the recipe says.
    """
    keys = recipe.model
    if keys.architecture:
        return own_config(keys.architecture, keys.config)
    return with_changes(locate(keys.preset, weights or _weights(recipe)), keys.config)


def check_prepares(recipe: Recipe) -> None:
    """Raise a ZooError where the recipe's own config does not say how pictures are prepared, before any is read.

    A text's tokenizer is learned from the data; what is done to pictures has to be told.
    """
    if not recipe.model.architecture:
        return
    found = locate_model(recipe)
    record = find_architecture(found.architecture)
    config = record.config.read(found.source, found.files.origin)
    if record.modality == "image" and record.preprocessor(found.files, config) is None:
        raise ZooError(
            f"model.config of '{recipe.model.architecture}' does not say how pictures are prepared.",
            why="transformers keeps that in another file, which a recipe has no place for",
            fix="Give it in timm's form, which says so: "
            'config = { architecture = "resnet18", pretrained_cfg = { input_size = [3, 224, 224] } }',
        )


def labels_for(recipe: Recipe, found: Found, splits: Splits) -> list[str]:
    """The classes of the examples, in the order of the model's outputs."""
    return output_names(splits.train, _own_labels(recipe, found), column=splits.settled.get("label") or "")


def _own_labels(recipe: Recipe, found: Found) -> tuple[str, ...]:
    """The classes that the model was trained for before: the adapter's, where it is trained on and tells them."""
    told = read_adapter(recipe.model.adapter).labels if recipe.model.adapter else ()
    return told or labels_of(found.source)


def make_model(recipe: Recipe, splits: Splits, weights: Weights | None = None, found: Found | None = None) -> Any:
    """The model of a recipe as it is trained: what `make_base` gives, with its adapter and its chat template."""
    model, keys = make_base(recipe, splits, weights, found), recipe.model
    freeze(model, recipe.train.freeze)
    remat_blocks(model, recipe.train.remat)
    if keys.adapter:
        model.adapters.load(keys.adapter)
    elif keys.lora:
        settings = dataclasses.asdict(keys.lora)
        del settings["quantize"]  # of the base
        model.adapters.add(**settings, seed=recipe.train.seed)
    if model.problem == LANGUAGE and _chats(recipe, splits):  # after an adapter, which may bring a template
        if template := recipe.data.chat_template:
            model.use_chat_template(read_template_file(template), f"'{template}'")
        elif keys.architecture:
            model.use_chat_template(PLAIN_TEMPLATE)
        model.stop_at_turns()
    return model


def make_base(
    recipe: Recipe,
    splits: Splits,
    weights: Weights | None = None,
    found: Found | None = None,
    *,
    dtype: str = "",
) -> Any:
    """The model that a recipe starts from, with the labels of its examples, its weights in what the run keeps them.

    Args:
        weights: as in `locate_model`.
        found: the model's files, where they have been located.
        dtype: what it computes in; by default, what the recipe trains in.

    Raises a ZooError where model, task and labels do not go together.
    """
    weights = weights or _weights(recipe)
    found = found or locate_model(recipe, weights)
    labels = labels_for(recipe, found, splits)
    problem = splits.train.problem
    if problem in PROBLEMS:
        continues = set(labels) == set(_own_labels(recipe, found))
        _check_head(recipe, found.source.get("problem_type") or problem, problem, continues)
    keys = recipe.model
    narrow, adapted = recipe.train.precision == "bfloat16", bool(keys.lora or keys.adapter)
    model = build(
        found,
        task=recipe.model.task,
        labels=labels,
        problem=problem if problem in PROBLEMS else "",
        dtype=dtype or ("mixed_bfloat16" if narrow else "float32"),
        base_dtype="bfloat16" if narrow and adapted else None,  # what does not learn needs no float32 master
        int8="backbone" if keys.lora and keys.lora.quantize else None,
        weights=weights,
        seed=recipe.train.seed,
    )
    if problem == REGRESSION:
        _start_at_mean(model, splits.train.labels or ())
    if keys.architecture and model.inputs == "texts":
        texts = (text for item in splits.train.inputs for text in texts_of(item))
        model.preprocess = learn_tokenizer(texts, model.config, ROLE_TOKENS if _chats(recipe, splits) else ())
    if recipe.data.max_length and model.inputs == "texts":
        model.preprocess.limit(recipe.data.max_length)
    return model


def _start_at_mean(model: Any, numbers: Sequence[float]) -> None:
    """Let a new head say the training rows' mean by its bias, so that it learns what differs from that.

    A head without a bias, as decoders have it, starts near zero.
    """
    layout = model.weight_layout()
    for variable in model.head.weights:
        path = variable_path(model, variable)
        if path in model.audit.fresh and layout.is_labelled(path) and tuple(variable.shape) == (1,):
            variable.assign([np.mean(numbers)])


def _chats(recipe: Recipe, splits: Splits) -> bool:
    """Whether a chat template writes the examples; a model that has none takes completions as they are."""
    first = splits.train.inputs[0]
    if isinstance(first, Preference):
        first = first.answered[0]
    if isinstance(first, Completion):
        chat = recipe.data.chat
        return (bool(recipe.data.chat_template) or not recipe.model.architecture) if chat is None else chat
    return isinstance(first, Conversation)


def _check_head(recipe: Recipe, trained: str, problem: str, continues: bool) -> None:
    """Raise a ZooError where a head that was trained for one kind of labels would be trained on as another."""
    if continues and trained != problem:
        raise ZooError(
            f"The head of {recipe.model.preset} is for {trained}, and the data is for {problem}.",
            fix=f'Set data.problem_type = "{trained}", or give the classes other names: they start a new head.',
        )


def trained_weights(model: Any) -> str:
    """How many of a model's weights are trained: `294,912 of 109,777,154 weights (0.3%)`."""
    every, trained = (
        sum(math.prod(v.shape) for v in group) for group in (model.weights, model.trainable_variables)
    )
    return f"{trained:,} of {every:,} weights ({trained / every:.1%})"


def normalisation_facts(recipe: Recipe, model: Any) -> dict[str, str]:
    """What there is to tell where the batches of a step are not as exact as one batch of all their examples."""
    keys = recipe.train
    if keys.accumulate == 1 or not any(norm.trainable for norm in batch_norms(model)):
        return {}
    told = f"{keys.batch_size} examples at a time, not all of a step: batch normalisations see one batch of it each"
    return {"normalised": told}


def written_facts(model: Any, train: Examples) -> dict[str, str]:
    """How prompts and completions become texts, which is with or without roles."""
    first = train.inputs[0]
    first = first.answered[0] if isinstance(first, Preference) else first
    if not isinstance(first, Completion):
        return {}
    plain = "as plain text, without roles (data.chat = true, by a chat template's)"
    return {"written": "as turns of the chat template" if model.is_chat(first) else plain}


def _weights(recipe: Recipe) -> Weights:
    keys = recipe.model
    return "random" if keys.architecture or keys.weights == "random" else "pretrained"


def trainer_for(recipe: Recipe, model: Any, steps: int, train: Examples) -> tuple[Trainer, Schedule]:
    """The step of a run of so many steps on the examples `train`, and the learning rate of each."""
    keys, variables = recipe.train, model.trainable_variables
    schedule = make_schedule(keys, steps)
    weights = class_weights(recipe, train, model.labels)
    trainer = make_trainer(
        model,
        make_optimizer(keys, schedule, variables, depths(model, variables)),
        preference(keys.dpo_beta, keys.label_smoothing)
        if train.problem == PREFERENCE
        else model.objective(smoothing=keys.label_smoothing, class_weights=weights),
        told=preference_told(keys.dpo_beta) if train.problem == PREFERENCE else None,
        prepare=preparation(model, train.problem),
        ema=keys.ema,
    )
    return trainer, schedule


def class_weights(recipe: Recipe, train: Examples, labels: Sequence[str]) -> Sequence[float]:
    """What each class weighs, in the order of `labels`; nothing where all weigh the same.

    Raises a ZooError that lists the labels of the recipe's table that there are none of.
    """
    told = recipe.train.class_weights
    if not isinstance(told, dict):
        return balanced(train.labels or (), labels) if told == "balanced" else ()
    if unknown := [name for name in told if name not in labels]:
        raise ZooError(
            f"train.class_weights names labels that '{train.source}' does not have.",
            why=[f"'{name}'.{did_you_mean(name, labels)}" for name in unknown],
            fix=f"Its labels are {some(map(repr, labels))}.",
        )
    return [told.get(label, 1.0) for label in labels]


def balanced(given: Sequence[Any], labels: Sequence[str]) -> list[float]:
    """Weights with which every label counts the same in all: `rows / (labels * rows of the label)`."""
    counts = classes_of(given)
    return [sum(counts.values()) / (len(counts) * counts[label]) if counts[label] else 0.0 for label in labels]
