"""What plugins hand over: frozen records, one kind for each hook.

Nothing here imports keras; the callables inside a record do, when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Head:
    """What a task adds on top of an architecture's backbone.

    Args:
        layer: `(config, labels) -> keras.Layer`, the head for that many labels.
        references: class names of the reference implementation that carry this head, as
            `config.json` lists them in `architectures`; the first is the one zoo writes.
    """

    layer: Callable[..., Any]
    references: tuple[str, ...]


@dataclass(frozen=True)
class Architecture:
    """A family of models: everything zoo needs to turn its checkpoints into keras models, and back.

    Args:
        name: the name in the plugin's manifest.
        config: a frozen dataclass derived from `zoo.nn.Config`.
        backbone: `(config) -> keras.Layer`. Called with the dict of input arrays, it returns features
            `(batch, length, dim)` or `(batch, height, width, dim)`; its attribute `dim` says how wide they are. One
            for images has `feature_maps(arrays)` too, the features of every stage.
        heads: the tasks it can serve.
        layouts: `{name: (config, task) -> zoo.weights.Layout}`, one for each checkpoint format; "transformers"
            and "timm" are told by `config.json`, and any other is the first.
        preprocessor: `(files, config)` to what turns raw inputs into arrays, from the checkpoint's own files, or
            None where they say nothing of it: `zoo.data.text.text_preprocessor` or
            `zoo.data.image_settings.image_preprocessor`.
        modality: what it takes, "text" or "image": a task's verb takes the same.
        infer: `(config, task, checkpoint) -> config`: fills in what only the tensors tell.
    """

    name: str
    config: type
    backbone: Callable[..., Any]
    heads: Mapping[str, Head]
    layouts: Mapping[str, Callable[[Any, str], Any]]
    preprocessor: Callable[[Any, Any], Any]
    modality: str = "text"
    infer: Callable[[Any, str, Any], Any] = lambda config, task, checkpoint: config


@dataclass(frozen=True)
class DataSet:
    """A data set that recipes can name.

    Args:
        name: the name in the plugin's manifest.
        description: one line for people.
        load: builds the splits; `{"train": table, "validation": table, "test": table}` of pyarrow tables.
        columns: the recipe's column keys and what they are called here, as `{"text": "text", "label": "label"}`.
    """

    name: str
    description: str
    load: Callable[[], Mapping[str, Any]]
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Tracked:
    """A run that a tracker is to follow.

    Args:
        name: what the run is called.
        folder: its directory.
        recipe: its recipe by dotted names, as `{"train.epochs": 3}`.
        options: what the recipe's `[track]` says for this tracker; all of them are strings.
        id: of a run that is resumed, the `id` that the tracker's session had; empty where it had none.
    """

    name: str
    folder: Path
    recipe: Mapping[str, Any]
    options: Mapping[str, str]
    id: str = ""


@dataclass(frozen=True)
class Tracker:
    """A place where runs can be followed.

    Args:
        name: the name in the plugin's manifest, and in a recipe's `[track]`.
        description: one line for people.
        package: what must be importable for it; it is not imported before a run begins.
        start: `(Tracked) -> session`. A session has `log(step, {name: number})`, called in the order of the steps,
            and `finish({name: number}, [files], failed)`, called once at the end with the final scores. It may
            have an `id`, a string: `start` is given it when the run is resumed. The steps after the checkpoint that
            it is resumed from are told once more then.
        options: the options it takes, and what each is for.
    """

    name: str
    description: str
    package: str
    start: Callable[[Tracked], Any]
    options: Mapping[str, str] = field(default_factory=dict)
