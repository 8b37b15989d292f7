"""From a recipe's `[data]` to the examples that are trained on, chosen by and tested on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.data.duplicates import contradictions, same
from zoo.data.examples import Examples, check_inputs
from zoo.data.labels import check_known
from zoo.data.problems import SINGLE, check_learnable, classes_of
from zoo.data.splits import draw_indices, split_indices
from zoo.errors import ZooError, counted
from zoo.train.readers import Reader, called, pinned, reader_for
from zoo.train.recipe import Recipe

_SHARE = 0.1


@dataclass(frozen=True)
class Splits:
    """The examples of a run.

    Args:
        train: what the model learns from.
        validation: what the best epoch is chosen by, or None.
        test: what is looked at once, at the end, or None.
        settled: the `[data]` keys that were left to be found, such as the columns, and what was found;
            of data sets of the Hub, the names with their commits.
        notes: what was left out of the data, and why.
        warnings: what speaks against the data, and what can be done about it.
        digests: the sha256 of what an input stands for, such as the picture behind a path.
    """

    train: Examples
    validation: Examples | None
    test: Examples | None
    settled: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    digests: Mapping[Any, str] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, Examples]:
        """The splits that there are, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part}

    @property
    def held_out(self) -> tuple[str, Examples]:
        """What a run is measured on in the end, with the split's name; what it trains on where nothing else is."""
        return next((name, self.parts[name]) for name in ("test", "validation", "train") if name in self.parts)


def read_splits(recipe: Recipe) -> Splits:
    """Read and split the data of a recipe. Raises a ZooError that names the faulty rows or columns."""
    pins = pinned(recipe.data)
    recipe = recipe.replace("data", **pins)  # every split is of one commit
    data = recipe.data
    reader = reader_for(recipe.model.task, data)
    train = _limited(recipe, reader.read(data.train, "train"))
    _check_learnable(train)
    check_inputs(train)
    train, validation = _validation(recipe, reader, train)
    test, warnings = None, []
    if data.test or reader.has(data.train, "test"):
        test = _other(reader, data.test or data.train, "test", train, data.train)
    for held_out in (validation, test):
        if held_out:
            train = _apart(recipe, reader, train, held_out, warnings)
    _check_learnable(train)
    if doubtful := contradictions(train, reader.keys(train)):
        named = called(recipe.model.task, train, doubtful[0][:2])
        warnings.append(
            f"{counted(len(doubtful), 'input has', 'inputs have')} more than one label, "
            f"such as {named}: at most one of them is right"
        )
    found = Splits(train, validation, test, pins | reader.settled, reader.notes, warnings, reader.digests)
    if recipe.evaluate.answers:
        check_answerable(found.held_out[1])
    return found


def _apart(recipe: Recipe, reader: Reader, train: Examples, held_out: Examples, warnings: list[str]) -> Examples:
    """The training examples without those that are held out, too, if the recipe says so; else a warning."""
    pairs = same(reader.keys(train), reader.keys(held_out))
    if pairs and not recipe.data.dedupe:
        warnings.append(reader.overlap(train, held_out, pairs))
    if not pairs or not recipe.data.dedupe:
        return train
    shared = {n for n, _ in pairs}
    if len(shared) == len(train):
        raise ZooError(
            f"Every training row is held out, too: nothing is left of '{train.source}' to learn from.",
            fix="Give another file for data.validation or data.test, or a share of the training rows.",
        )
    reader.notes.append(f"{len(pairs):,} that are held out, too, are left out of training")
    return train.select(n for n in range(len(train)) if n not in shared)


def _limited(recipe: Recipe, train: Examples) -> Examples:
    """`data.limit` of the rows, or all, drawn by the seed, with the share of every class that it has in all."""
    limit = recipe.data.limit
    if limit is None or limit >= len(train):
        return train
    return train.select(draw_indices(_strata(train), len(train), limit, recipe.train.seed))


def _strata(examples: Examples) -> Sequence[str] | None:
    """What is to be in both parts of a split as often as in the whole: the classes, where a row has just one."""
    return examples.labels if examples.problem == SINGLE else None


def _check_learnable(train: Examples) -> None:
    check_learnable(train.labels or [], train.problem, train.source)


def _validation(recipe: Recipe, reader: Reader, train: Examples) -> tuple[Examples, Examples | None]:
    """What remains to train on, and what is held out: of its own, or a share of the training examples."""
    data = recipe.data
    if isinstance(data.validation, str):
        return train, _other(reader, data.validation, "validation", train, data.train)
    if data.validation is None and reader.has(data.train, "validation"):
        return train, _other(reader, data.train, "validation", train, data.train)
    share = _SHARE if data.validation is None else float(data.validation)
    strata = _strata(train) if data.stratify else None
    kept, held_out = split_indices(strata, len(train), share, recipe.train.seed)
    return train.select(kept), reader.held_out(train.select(held_out)) if held_out else None


def _other(reader: Reader, name: str, split: str, train: Examples, source: str) -> Examples:
    examples = reader.held_out(reader.read(name, split))
    check_known(examples, sorted(classes_of(train.labels or ())), f"the training data '{source}'")
    return examples


def check_answerable(examples: Examples) -> None:
    """Raise a ZooError where examples have no answer apart from a question."""
    plain = [row for row, item in zip(examples.rows, examples.inputs, strict=True) if isinstance(item, str)]
    if plain:
        raise ZooError(
            f"'{examples.source}' has plain texts, which nothing can be asked of.",
            why=f"row {plain[0]} is one",
            fix="Leave evaluate.answers out, or give messages or prompts with completions.",
        )
