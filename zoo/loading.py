"""`zoo.load`: from a name to a model with its weights and its preprocessing."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.data.problems import REGRESSION, SINGLE
from zoo.errors import ZooError, did_you_mean, some
from zoo.hub.description import classes_of, is_timm, kind_of, labels_of, layout_of
from zoo.hub.fetch import fetch_preset, fetch_source, has_weights
from zoo.hub.files import ADAPTER_CONFIG, CONFIG, Files, local_files
from zoo.hub.progress import bars
from zoo.hub.source import Source, is_url
from zoo.registry.code import architecture_of, find_architecture, qualified_architecture
from zoo.registry.presets import find_preset, is_preset, presets, read_lock
from zoo.registry.records import Architecture

if TYPE_CHECKING:
    from zoo.weights.peft import PeftAdapter

Weights = Literal["pretrained", "random"]
DTYPES = ("float32", "bfloat16", "mixed_bfloat16", "int8")
_log = logging.getLogger("zoo")


@dataclasses.dataclass(frozen=True)
class Found:
    """What a name stands for: files, and what is known of them before they are read.

    Args:
        name: the name as it was given.
        files: the checkpoint's files.
        architecture: the qualified architecture, or empty where only `config.json` tells.
        task: the task it was published for, or empty where only `config.json` tells.
        layout: the checkpoint format, or empty where only `config.json` tells.
        commit: the commit on the Hub it comes from, if it is known.
        config: what stands in for `config.json` where there are no files.
    """

    name: str
    files: Files
    architecture: str = ""
    task: str = ""
    layout: str = ""
    commit: str = ""
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def source(self) -> dict[str, Any]:
        """The content of `config.json`, or what stands in for it."""
        return dict(self.config) or self.files.mapping(CONFIG)


def described(architecture: str, config: Mapping[str, Any]) -> Found:
    """A model of which there are no files: an architecture and the config to build it by, from random weights."""
    qualified = qualified_architecture(architecture, "")
    name = qualified.rpartition(":")[2]
    config = config if is_timm(config) else {"model_type": name, **config}
    return Found(name, Files({}, f"the recipe's '{architecture}'"), architecture=qualified, config=config)


def load(
    name: str | Path,
    *,
    task: str | None = None,
    labels: Sequence[str] | None = None,
    dtype: str | None = None,
    weights: Weights = "pretrained",
    adapter: str | Path | None = None,
    seed: int = 0,
) -> Any:
    """A model with its preprocessing, ready for its task.

    Args:
        name: a preset (`bert_base`, `bert:bert_base`), a URL (`hf://org/name@commit`, `pkg://`, `file://`), or a
            path to a run, a checkpoint directory or a `.keras` file of your own.
        task: a Hub task name; by default the one the checkpoint was made for.
        labels: class names. Other ones than the checkpoint's start a new head at random.
        dtype: `float32`, `bfloat16`, `mixed_bfloat16` (float32 weights, bfloat16 arithmetic), or `int8` (the
            matrices as 8-bit whole numbers, float32 arithmetic; such a model computes and does not train).
        weights: `random` builds the same model without its weights.
        adapter: the path or URL of an adapter in PEFT's format, or of a run that trained one, to put on the model.
            It says the task where `task` does not. `model.adapters` loads more of them, and merges.
        seed: decides everything random: a new head, random weights, dropout.

    Returns:
        a `keras.Model`, a subclass of `zoo.tasks.Model` with the task's verb.

    Raises:
        ZooError: the name is unknown, the files are not to be had or not the pinned ones, or weights and
            config do not match. Nothing is half-loaded.
    """
    path = Path(name)
    if path.suffix == ".keras" and path.is_file():
        from zoo.tasks.model import load_keras_file

        return load_keras_file(path)
    _check_choices(dtype, weights)
    adapted = _read_adapter(adapter)
    if adapted is not None:
        task, labels = task or adapted.config.task or None, labels or adapted.labels or None
    found = locate(str(name), weights)
    rounded = dtype == "int8"
    model = build(
        found,
        task=task,
        labels=labels,
        dtype=None if rounded else dtype,
        int8="whole" if rounded and adapted is None else None,
        weights=weights,
        seed=seed,
    )
    if adapted is not None:
        model.adapters.load(adapted)
        if rounded:
            model.adapters.merge()
            model.keep_as_int8(whole=True)
    fresh = [path for path in model.audit.fresh if path not in model.adapters.kept_whole]
    if weights == "pretrained" and fresh:
        _log.warning("%s: new, at random: %s", found.name, some(fresh))
    return model


def _read_adapter(location: str | Path | None) -> PeftAdapter | None:
    if location is None:
        return None
    from zoo.weights.peft import read_adapter

    return read_adapter(location)


def locate(name: str, weights: Weights = "pretrained") -> Found:
    """The files that a name stands for, fetched and verified; nothing is built yet.

    Random weights need no weight files, and these are not fetched.
    """
    if is_url(name):
        with bars() as progress:
            files, commit = fetch_source(Source.parse(name), progress, weights=weights == "pretrained")
        return Found(name, files, commit=commit)
    path = Path(name).expanduser()
    if is_preset(name):
        if path.exists() and "/" not in name:
            raise ZooError(
                f"'{name}' is a preset, and a file or directory here has the same name.",
                fix=f"Say {find_preset(name).qualified} for the preset, or ./{name} for the path.",
            )
        preset = find_preset(name)
        lock = read_lock(preset)
        architecture = qualified_architecture(preset.architecture, preset.plugin)
        with bars() as progress:
            files = fetch_preset(preset, lock, progress, weights=weights == "pretrained")
        return Found(
            name=preset.name,
            files=files,
            architecture=architecture,
            task=preset.task,
            layout=preset.layout,
            commit=lock.commit,
        )
    if path.is_dir():
        if (path / ADAPTER_CONFIG).is_file():
            raise ZooError(
                f"{name} is an adapter.", fix=f"Load it onto its base: zoo.load(BASE, adapter='{name}')."
            )
        return Found(name, local_files(_model_folder(path)))
    raise _unknown(name)


def is_here(name: str) -> bool:
    """Whether the weights that a name stands for need not be fetched; what they are worth is not looked at."""
    if is_url(name):
        return has_weights(Source.parse(name))
    if not is_preset(name):
        return True
    preset = find_preset(name)
    pinned = Source.parse(preset.source).at(read_lock(preset).commit)
    return any(has_weights(place) for place in (pinned, *map(Source.parse, preset.mirrors)))


def _model_folder(path: Path) -> Path:
    """The checkpoint in a directory: the directory itself, or a run's `model/`."""
    if not (path / "recipe.toml").is_file():
        return path
    if not (path / "model").is_dir():
        raise ZooError(
            f"The run '{path}' has not finished: it has no model yet.",
            fix=f"Go on with it: zoo finetune --resume {path}",
        )
    return path / "model"


def _unknown(name: str) -> ZooError:
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return ZooError(
            f"There is no preset and no directory '{name}'.",
            fix=f"If you mean the repository on the Hub, say hf://{name}",
        )
    names = [preset.name for preset in presets()]
    return ZooError(f"There is no preset '{name}'.{did_you_mean(name, names)}", fix="'zoo list' shows them all.")


def _check_choices(dtype: str | None, weights: str) -> None:
    if dtype is not None and dtype not in DTYPES:
        raise ZooError(
            f"dtype = '{dtype}' cannot be.{did_you_mean(dtype, DTYPES)}", why=f"choose of {some(DTYPES)}"
        )
    if weights not in ("pretrained", "random"):
        raise ZooError(f"weights = '{weights}' cannot be; choose 'pretrained' or 'random'.")


def build(
    found: Found,
    *,
    task: str | None = None,
    labels: Sequence[str] | None = None,
    problem: str = "",
    dtype: str | None = None,
    base_dtype: str | None = None,
    int8: Literal["backbone", "whole"] | None = None,
    weights: Weights = "pretrained",
    seed: int = 0,
) -> Any:
    """Build the model of `found`; the arguments are those of `load`.

    Args:
        problem: what the labels mean, by transformers' name of it; by default, what the checkpoint says.
        base_dtype: what the base's float32 variables are kept in, those that no new head replaces, where they are
            not to be trained.
    """
    from zoo.backend import use_jax

    use_jax()
    import keras

    from zoo.tasks import task_model
    from zoo.weights.build import build as build_model
    from zoo.weights.build import narrow
    from zoo.weights.reader import Checkpoint

    source = found.source
    if not source:
        raise ZooError(f"{found.files.origin} is not a checkpoint: it has no {CONFIG}.")
    qualified = found.architecture or architecture_of(kind_of(source))
    architecture = find_architecture(qualified)
    published = found.task or task_of(source, architecture, default="")
    task = task or published or task_of(source, architecture)
    kind = task_model(task, architecture.modality)
    if kind is None or task not in architecture.heads:
        misspelt = not any(task_model(task, modality) for modality in ("text", "image"))
        raise ZooError(
            f"{found.name} cannot do '{task}'.{did_you_mean(task, architecture.heads) if misspelt else ''}",
            why=f"its tasks are {', '.join(architecture.heads)}",
            fix="" if misspelt else f"Models that can: zoo list --task {task}",
        )
    layout_name = found.layout or layout_of(source)
    if not found.layout and layout_name not in architecture.layouts:
        layout_name = next(iter(architecture.layouts))  # a format of the plugin's own
    if layout_name not in architecture.layouts:
        raise ZooError(
            f"{found.name} has the layout '{layout_name}', and '{qualified}' cannot read it.",
            why=f"its layouts are {', '.join(architecture.layouts)}",
        )
    own = labels_of(source) if task == task_of(source, architecture, default="") else ()
    fewest = 1 if problem == REGRESSION else 2
    chosen, relabelled = _choose_labels(kind.needs_labels, found.name, own, labels, fewest)
    if chosen != own:
        source.pop("problem_type", None)  # it tells what the numbers of the other labels mean
    if problem not in ("", SINGLE):
        source["problem_type"] = problem
    config = architecture.config.read(source, found.files.origin)
    checkpoint = None
    if weights == "pretrained":
        checkpoint = Checkpoint(found.files.weights(), found.files.origin, found.files.weight_map())
        config = architecture.infer(config, task, checkpoint)
    layout = architecture.layouts[layout_name](config, task)
    # What is missing may be new only where a new head was asked for, by other labels or another task than the
    # checkpoint's; else the checkpoint is damaged.
    if relabelled:
        layout = layout.relabelled()
    elif checkpoint and task == published:
        layout = dataclasses.replace(layout, fresh=())

    def make() -> Any:
        model = kind(qualified, config, chosen, layout_name, found.name, name="model")
        model.build(None)
        if int8 is not None:
            model.keep_as_int8(whole=int8 == "whole")
        if base_dtype is not None:
            narrow(model, base_dtype, lambda path: not (layout.may_be_fresh(path) or layout.is_labelled(path)))
        return model

    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype or "float32")
    try:
        model, model.audit = build_model(make, layout, checkpoint, seed)
    finally:
        keras.config.set_dtype_policy(previous)
    model.built = True
    model.read_companions(found.files)
    return model


def task_of(source: Mapping[str, Any], architecture: Architecture, default: str | None = None) -> str:
    """The task that a `config.json` was saved for: by the classes in `architectures`, or by timm's count."""
    if is_timm(source):
        return "feature-extraction" if classes_of(source) == 0 else "image-classification"
    classes = source.get("architectures") or ()
    for task, head in architecture.heads.items():
        if any(name in head.references for name in classes):
            return task
    if default is not None:
        return default
    raise ZooError(
        f"The checkpoint does not say which task it is for: its architectures are {list(classes)}.",
        fix=f"Say which: task='{next(iter(architecture.heads))}'. It can do {', '.join(architecture.heads)}.",
    )


def _choose_labels(
    needed: bool, name: str, own: Sequence[str], asked: Sequence[str] | None, fewest: int
) -> tuple[tuple[str, ...], bool]:
    """The labels of the model, and whether they are others than the checkpoint's."""
    if not needed:
        if asked:
            raise ZooError(f"labels were given, and the task of {name} has none.")
        return (), False
    if asked is None:
        if own:
            return tuple(own), False
        raise ZooError(
            f"{name} has no labels of its own for this task.",
            fix='Say which: labels=["bad", "good"].',
        )
    names = () if isinstance(asked, str) else tuple(str(label) for label in asked)
    if len(set(names)) != len(names) or len(names) < fewest:
        raise ZooError(f"labels = {asked!r} cannot be: a list of two or more different names is needed.")
    return (tuple(own), False) if set(names) == set(own) else (names, True)
