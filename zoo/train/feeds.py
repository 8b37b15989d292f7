"""What a model is fed in training: examples of a task as batches, and what there is to say of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.data.augment import Augmentation
from zoo.data.encoded import EncodedTexts
from zoo.data.examples import Examples
from zoo.data.image_examples import thin, without_faulty
from zoo.data.problems import LANGUAGE, PREFERENCE, RETRIEVAL, TOKENS
from zoo.data.row_faults import SKIP, RowFaults
from zoo.errors import ZooError, counted, some
from zoo.tasks.labelled import NO_LABEL
from zoo.tasks.preferences import as_answers
from zoo.train.batches import Batches
from zoo.train.image_batches import ImageBatches
from zoo.train.mixing import Mixing
from zoo.train.order import Order, make_plan
from zoo.train.recipe import Recipe
from zoo.train.reference import references
from zoo.train.splits import Splits
from zoo.train.step import Prepare


def make_batches(recipe: Recipe, model: Any, splits: Splits) -> Batches | ImageBatches:
    """The batches of a run.

    Raises a ZooError where the checkpoint does not say how large pictures are to be, and for examples of any split
    that cannot be trained on or measured, by row.
    """
    keys, data, train = recipe.train, recipe.data, splits.train
    least = 2 if train.problem == RETRIEVAL else 1
    per_epoch = Order(len(train), keys.examples, 1, keys.seed, least).per_epoch
    if not per_epoch:
        raise ZooError(
            f"'{train.source}' has one pair to learn from, and nothing to tell it from.", fix="Give more rows."
        )
    epochs = make_plan(keys, per_epoch).whole_epochs
    preprocess = model.preprocess
    if model.inputs == "texts":
        parts, targets = _encoded(recipe, model, splits)
        encoded = parts["train"]
        return Batches(
            encoded,
            targets,
            keys.examples,
            epochs,
            keys.seed,
            data.packing,
            preprocess.pad_id,
            preprocess.positions,
            texts=len(encoded) // len(train),
            least=least,
            cut=_cut(parts, splits),
        )
    if preprocess.settings.size is None:
        raise ZooError(f"{recipe.model.preset} does not bring pictures to one size, so they make no batches.")
    how = data.augment
    return ImageBatches(
        order=Order(len(train), keys.examples, epochs, keys.seed),
        images=train.inputs,
        targets=model.targets(train.labels or ()),
        preprocess=preprocess,
        augment=Augmentation(how.crop, how.flip, how.jitter, how.randaugment, how.magnitude, how.erase),
        mixup=how.mixup,
        cutmix=how.cutmix,
        faulty=data.faulty,
        workers=data.workers,
    )


def learnable(recipe: Recipe, model: Any, splits: Splits) -> Splits:
    """The splits as this model can learn from them and be judged by them.

    Pictures that are too thin for the crop of an evaluation are refused, or left out with `data.faulty = "skip"`.
    With that, texts that teach nothing or do not fit are left out, too; without it `make_batches` refuses them.

    Raises a ZooError that names the pictures, or the rows with a fault for which none may be left out, and where no
    row of a split would be left.
    """
    faulty, notes, parts = recipe.data.faulty, [*splits.notes], splits.parts
    if model.inputs == "images":
        alone = len(parts) == 1 or recipe.data.augment.crop >= 1  # training pictures are cropped like that, too
        kept = {
            name: without_faulty(part, thin(part, model.preprocess), faulty, notes, "be cropped for an evaluation")
            for name, part in parts.items()
            if alone or name != "train"
        }
    elif faulty == SKIP and splits.train.problem in (LANGUAGE, PREFERENCE):
        faults = _noted(model, splits)[1]
        faults.check(faulty=faulty)  # what no row is left out for
        kept = {name: faults.without(part, notes) for name, part in parts.items()}
    else:
        return splits
    return dataclasses.replace(splits, notes=notes, **kept)


def cut_off(model: Any, splits: Splits) -> dict[str, str]:
    """What is told of the texts of each split that a language model loses the end of; of other tasks nothing."""
    return _cut(_noted(model, splits)[0], splits) if splits.train.problem in (LANGUAGE, PREFERENCE) else {}


def _noted(model: Any, splits: Splits) -> tuple[dict[str, EncodedTexts], RowFaults]:
    """The texts of each split as tokens, and what is wrong with them."""
    faults, problem = RowFaults(splits.train.source), splits.train.problem
    encode = model.encode_examples if problem == LANGUAGE else model.encode_preferences
    return {name: encode(part.inputs, faults.of(part)) for name, part in splits.parts.items()}, faults


def _encoded(recipe: Recipe, model: Any, splits: Splits) -> tuple[dict[str, EncodedTexts], Any]:
    """The training examples as tokens, with other splits that are looked at, and what they are trained on."""
    train = splits.train
    if train.problem in (LANGUAGE, PREFERENCE):  # what is to be said stands among the arrays
        parts, faults = _noted(model, splits)
        faults.check(faulty=recipe.data.faulty)
        return parts, np.zeros(len(train)) if train.problem == LANGUAGE else references(train)
    if train.problem == TOKENS:
        encoded, targets = model.encode_labelled(train.inputs, train.labels)
        _check_labelled(train, targets)
    elif train.problem == RETRIEVAL:
        encoded, targets = model.encode_pairs(train.inputs)
    else:
        encoded, targets = model.encode_examples(train.inputs), model.targets(train.labels or ())
    return {"train": encoded}, targets


def _cut(parts: Mapping[str, EncodedTexts], splits: Splits) -> dict[str, str]:
    """What is told of the texts that are too long, by split."""
    facts = {}
    for name, encoded in parts.items():
        if cut := sum(item.truncated for item in encoded):
            what = "text" if len(encoded) > len(splits.parts[name]) else "row"
            share = f"({cut / len(encoded):.0%})"
            told = counted(
                cut,
                f"{what} {share} is longer, and loses its end",
                f"{what}s {share} are longer, and lose their end",
            )
            lost = sum(item.lost for item in encoded)
            key = "cut off" if name == "train" else f"cut off of {name}"
            facts[key] = told + (
                f": {counted(lost, 'answer, all of it', 'answers, each of them whole')}" if lost else ""
            )
    return facts


def _check_labelled(train: Examples, targets: list[np.ndarray]) -> None:
    """Raise a ZooError where no token of any example is trained."""
    if all((own == NO_LABEL).all() for own in targets):
        raise ZooError(
            f"No token of '{train.source}' has a label that is trained.",
            why="every word was cut off, or became no token",
            fix="Raise data.max_length, or look at the words.",
        )


def preparation(model: Any, problem: str) -> Prepare | None:
    """What the compiled step does to a batch of such examples before the model sees it."""
    if problem == PREFERENCE:
        return as_answers
    if problem == RETRIEVAL:
        return lambda arrays, numbers: (arrays, (arrays, numbers))  # for the loss is what pools
    return Mixing(model.preprocess, len(model.labels)) if model.inputs == "images" else None


def feed_facts(batches: Batches | ImageBatches) -> dict[str, str]:
    """What the report tells of the batches."""
    if isinstance(batches, Batches):
        lengths = batches.lengths
        what = "text" if batches.texts > 1 else "row"
        facts = {f"tokens a {what}": f"{lengths.mean():.0f} on average, {lengths.max()} at most", **batches.cut}
        if left_out := batches.order.left_out:
            facts["left alone"] = f"{left_out} pair of an epoch, another in each: there is nothing to tell it from"
        facts["padding"] = f"{1 - batches.tokens / sum(batches.cells):.0%} of what is computed"
        if batches.packed and (saved := 1 - sum(batches.cells) / sum(batches.repacked(False).cells)) > 0:
            facts["packing"] = f"saves {saved:.0%} of what rows of one text each would take"
        return facts
    height, width = batches.preprocess.settings.size or (0, 0)
    return {"pictures": f"{width} x {height}, {batches.preprocess.channels} channels", **damage(batches)}


def damage(batches: Batches | ImageBatches) -> dict[str, str]:
    """What there is to tell of pictures that turned out to be damaged when it was their turn."""
    if isinstance(batches, Batches) or not batches.skipped:
        return {}
    named = some(batches.name(n) for n in sorted(batches.skipped))
    return {"damaged": f"{len(batches.skipped):,} could not be decoded and were not trained on: {named}"}
