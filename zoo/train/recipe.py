"""The recipe: every key there is, its type, its limits and what it is for. Nothing heavy is imported here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.data.conversations import ALL, ANSWERS, LAST
from zoo.data.problems import PROBLEMS
from zoo.data.row_faults import REFUSE, SKIP

EMPTY: tuple[Any, ...] = (None, "", {}, ())
"""What says nothing, as the value of a key that needs none."""

AUTO_EXAMPLES = 32
"""The examples of a step whose batch size is `auto`."""


def key(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] = (),
    pattern: str = "",
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    of_training: bool = False,
) -> Any:
    """A recipe key: a dataclass field that knows its limits and what it is for.

    It may be empty where it is by default, and then an empty value takes back what an extended recipe says.

    Args:
        pattern: what else it may be beside the choices, as a choice with N for a whole number.
        of_training: of a key of `[data]`, whether an evaluation on other data does not ask it.
    """
    bounds = {"least": least, "above": above, "most": most, "below": below}
    limits = {"choices": choices, "pattern": pattern, "empty": default in EMPTY, **bounds}
    return field(default=default, metadata={"help": help, "limits": limits, "of_training": of_training})


@dataclass(frozen=True)
class LoraKeys:
    """`[model.lora]`: a change of low rank is trained in place of the weights, and a new head with it."""

    rank: int = key(16, "how many directions of each layer can change", least=1)
    alpha: float = key(32.0, "the change is multiplied with alpha / rank", above=0)
    dropout: float = key(0.0, "the share of a layer's inputs dropped on the way to the change", least=0, most=0.99)
    targets: str = key(
        "all",
        "which linear layers: attention, mlp, all, or patterns of layer paths or PEFT's module names, with commas",
    )
    rslora: bool = key(False, "multiply with alpha / sqrt(rank), which suits high ranks")
    dora: bool = key(False, "train the length of each output channel apart from its direction")
    quantize: bool = key(False, "keep the linear layers beneath as 8-bit numbers, a quarter of float32's memory")


@dataclass(frozen=True)
class ModelKeys:
    """`[model]`: what is trained."""

    preset: str = key("", "a preset, a URL, or the path of a run or checkpoint")
    architecture: str = key("", "in place of a preset: an architecture, to be trained from random weights")
    config: dict[str, Any] = field(
        default_factory=dict,
        metadata={
            "help": "the architecture's config, as `config.json` has it; of one for pictures in timm's form, "
            "which says how these are prepared. Beside a preset, what of its config is changed, such as "
            "`model_args = { drop_path_rate = 0.1 }` or `pretrained_cfg = { input_size = [3, 160, 160] }` of timm's"
        },
    )
    task: str = key("", "what the model is to do, a Hub task name; by default what the preset can be trained for")
    weights: str = key(
        "pretrained", "start from the preset's weights, or at random", choices=("pretrained", "random")
    )
    lora: LoraKeys | None = field(
        default=None,
        metadata={
            "table": LoraKeys,
            "help": "train a change of low rank; model/ has it merged, adapter/ by itself",
        },
    )
    adapter: str = key("", "the path or URL of a PEFT adapter of the preset, to train on")


@dataclass(frozen=True)
class AugmentKeys:
    """`[data.augment]`: how each training picture is changed, another way in every epoch."""

    crop: float = key(
        0.35,
        "the smallest share of the picture that a random crop keeps; 1 crops as at evaluation",
        above=0,
        most=1,
    )
    flip: float = key(0.5, "how often it is mirrored, left and right", least=0, most=1)
    jitter: float = key(0.0, "how far brightness, contrast and colour may go up and down", least=0, most=1)
    randaugment: int = key(0, "how many operations of RandAugment are applied", least=0, most=8)
    magnitude: float = key(9.0, "how strong these operations are", least=0, most=10)
    erase: float = key(0.0, "how often a rectangle is filled with noise", least=0, most=1)
    mixup: float = key(0.0, "alpha of mixup, which blends pairs of pictures; 0 blends none", least=0)
    cutmix: float = key(0.0, "alpha of CutMix, which pastes one picture into another; 0 pastes none", least=0)


@dataclass(frozen=True)
class DataKeys:
    """`[data]`: what it learns from."""

    train: str = key(
        "",
        "a csv, tsv, jsonl, parquet or txt file, a folder of pictures, a registered data set, or one of the Hub: "
        "hf://datasets/ORG/NAME[@REVISION][/CONFIG, folder or files]",
        of_training=True,
    )
    validation: float | str | None = key(
        None,
        "a share of the training rows, data as in `train`, or 0 for none; 0.1 where the data has no own split",
        least=0,
        below=1,
        of_training=True,
    )
    test: str = key(
        "",
        "data as in `train` that is only looked at once, at the end; the data's own split by default",
        of_training=True,
    )
    limit: int | None = key(
        None,
        "use only so many of the training rows, drawn by the seed: for a quick trial",
        least=2,
        of_training=True,
    )
    stratify: bool = key(True, "the share that is held out has every class as often as the rest", of_training=True)
    dedupe: bool = key(
        False,
        "leave training rows out that are held out, too; else texts are told of, and pictures refused",
        of_training=True,
    )
    text: str | None = key(None, "the column with the text; guessed where it is left out")
    text_pair: str | None = key(None, "the column with a second text")
    tokens: str | None = key(None, "the column with lists of words, whose tags are in `label`; guessed, too")
    messages: str | None = key(
        None, "the column with conversations: lists of messages, each with `role` and `content`; guessed, too"
    )
    prompt: str | None = key(None, "the column with prompts, whose answers are in `completion`; guessed, too")
    completion: str | None = key(None, "the column with what a prompt is to be answered by")
    chosen: str | None = key(
        None,
        "the column with the better of two answers to a prompt, for training by preference (DPO); guessed, too",
    )
    rejected: str | None = key(None, "the column with the worse of the two")
    train_on: str | tuple = key(
        ANSWERS,
        "what of a conversation is trained: all answers or the last one, each with its stop token, all of it, or a "
        "list of roles",
        choices=(ANSWERS, LAST, ALL),
    )
    chat: bool | None = key(
        None,
        "prompts and completions are written by the chat template, as a question and an answer; false takes their "
        "raw text; as the checkpoint has one by default",
    )
    chat_template: str = key("", "the path of a Jinja file that writes conversations; the checkpoint's by default")
    image: str | None = key(None, "the column with a picture's path or bytes; guessed where it is left out")
    label: str | None = key(None, "the column with the label; guessed where it is left out")
    problem_type: str | None = key(
        None,
        "what a label is: one class, several (a list, or a string of them), or a number; guessed by the column",
        choices=PROBLEMS,
    )
    separator: str = key("|", "what parts the labels of a row, where several stand in one string")
    max_length: int | None = key(
        None, "truncate texts after this many tokens; the model's limit by default", least=8, of_training=True
    )
    packing: bool = key(
        True,
        "lay several short texts in one row, each seeing only itself, and about as many tokens in every batch; "
        "false pads them, like lengths together",
        of_training=True,
    )
    augment: AugmentKeys = field(
        default_factory=AugmentKeys, metadata={"help": "how training pictures are changed", "of_training": True}
    )
    faulty: str = key(
        REFUSE,
        "pictures that cannot be read, rows that lack something, and texts that teach nothing or are too long for "
        "any answer: refuse the data, or leave these out and count them",
        choices=(REFUSE, SKIP),
    )
    workers: int = key(0, "processes that read pictures; 0 reads in threads", least=0, of_training=True)


@dataclass(frozen=True)
class TrainKeys:
    """`[train]`: how it learns."""

    epochs: int = key(3, "how often every row is seen", least=1)
    steps: int = key(0, "optimiser steps, in place of epochs; 0 goes by epochs", least=0)
    budget: str = key("", "the time that training may take, such as 20min or 1h 30min; it becomes steps")
    batch_size: int | str = key(
        32,
        "examples that are computed at once, an optimiser step's unless it accumulates; "
        "auto computes 32 a step in the largest parts that fit in memory",
        choices=("auto",),
        least=1,
    )
    accumulate: int = key(
        1,
        "batches whose gradients make one step, as exact as one batch of all their examples, but for batch "
        "normalisations: where these are trained, they see each batch by itself",
        least=1,
    )
    optimizer: str = key(
        "adamw",
        "how gradients change the weights, as Keras has it; adam decays no weights",
        choices=("adamw", "adam", "sgd", "lion", "adafactor", "muon"),
    )
    momentum: float = key(0.9, "of sgd", least=0, most=0.9999)
    learning_rate: float = key(5e-5, "the highest learning rate of the schedule", above=0)
    schedule: str = key(
        "linear", "how the rate falls after the warm-up", choices=("constant", "linear", "cosine", "wsd")
    )
    warmup: float = key(0.1, "steps of linear warm-up: a fraction of all below 1, else a count", least=0)
    decay: float = key(
        0.2, "steps over which wsd falls at the end: a fraction of all below 1, else a count", least=0
    )
    layer_decay: float = key(
        1.0,
        "each layer learns at this share of the rate of the layer above it; the head at the whole",
        above=0,
        most=1,
    )
    weight_decay: float = key(0.01, "decoupled decay, spared on biases and norms", least=0)
    label_smoothing: float = key(
        0.0, "the share of each target that all classes divide, or both answers of a preference", least=0, most=0.99
    )
    dpo_beta: float = key(
        0.1, "of preferences: the larger, the less the model may depart from what it was at the start", above=0
    )
    ema: float = key(
        0.0,
        "decay of the average of the weights that is evaluated and kept, or (1 + step) / (10 + step) where that is "
        "less; 0 keeps none",
        least=0,
        most=0.99999,
    )
    freeze: str = key(
        "nothing",
        "what stays as it is: the batch normalisations, all but the head, or all below the top N layers",
        choices=("nothing", "norm", "backbone"),
        pattern="all but N",
    )
    clip_norm: float = key(1.0, "largest global norm of a gradient; 0 does not clip", least=0)
    class_weights: Mapping[str, float] | str = key(
        "equal",
        "what an example of each class weighs: balanced gives every class the same in all, however rare; "
        "or a table of labels and weights, in which one that is left out weighs 1",
        choices=("equal", "balanced"),
        least=0,
    )
    remat: str = key(
        "elementwise",
        "what is computed again for the gradient rather than kept: all that takes little time, or whole layers, "
        "which saves the most memory and takes a fifth more time",
        choices=("nothing", "elementwise", "layers"),
    )
    evaluate_steps: int = key(0, "evaluate after so many steps, too; 0 at each epoch's end only", least=0)
    early_stopping: int = key(
        0, "stop after so many evaluations without a better score; 0 for never; the best weights are kept", least=0
    )
    callbacks: tuple = key(
        (), "Keras callbacks, made without arguments: file.py:Class or package.module:Class, called in this order"
    )
    checkpoint_steps: int = key(0, "save where the run stands after so many steps; 0 for never", least=0)
    checkpoint_minutes: float = key(
        10.0, "save after so many minutes, too; 0 for never; an epoch's end always saves", least=0
    )
    precision: str = key(
        "float32",
        "bfloat16 computes in it, on float32 weights; what an adapter leaves as it is, is kept in it",
        choices=("float32", "bfloat16"),
    )
    seed: int = key(0, "decides the split, the order, new heads and dropout", least=0, most=2**32 - 1)

    @property
    def examples(self) -> int:
        """The examples that are computed at once, once that is known."""
        return AUTO_EXAMPLES if isinstance(self.batch_size, str) else self.batch_size


@dataclass(frozen=True)
class EvaluateKeys:
    """`[evaluate]`: what a language model's own answers to held-out questions are measured by, before and after."""

    answers: tuple = key(
        (),
        "exact_match, rouge_l (F1 of the longest common subsequence of words), and Python functions of your own as "
        "file.py:function or package.module:function, called with (answer, reference) for a number",
    )
    max_new_tokens: int = key(128, "the most tokens of an answer", least=1)
    limit: int = key(200, "so many of the held-out rows, spread evenly", least=1)


@dataclass(frozen=True)
class OutputKeys:
    """`[output]`: where it goes."""

    dir: str = key("", "the run directory; runs/NAME, with the next free number, by default")
    probe: bool = key(
        False, "fit a linear probe on the features before training, to stand beside the score in the report"
    )


@dataclass(frozen=True)
class Recipe:
    """Model, data, training and output: all that a fine-tuning run depends on.

    Make one of tables with `Recipe.of`, or of a file with `Recipe.read`, for `zoo.check` and `zoo.finetune`.
    """

    model: ModelKeys = field(default_factory=ModelKeys)
    data: DataKeys = field(default_factory=DataKeys)
    train: TrainKeys = field(default_factory=TrainKeys)
    output: OutputKeys = field(default_factory=OutputKeys)
    evaluate: EvaluateKeys = field(default_factory=EvaluateKeys)
    track: Mapping[str, Any] = field(default_factory=dict)
    name: str = "run"

    @classmethod
    def of(cls, **tables: Mapping[str, Any]) -> Recipe:
        """A recipe of tables as a file has them: `Recipe.of(model={"preset": "minilm_l6"}, data={...})`.

        Raises a ZooError that lists every fault.
        """
        from zoo.train.recipe_file import make_recipe

        return make_recipe(tables)

    @classmethod
    def read(cls, path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
        """The recipe of a file, or a shipped one by its name, with some `table.key=value` changed.

        Raises a ZooError that lists every fault.
        """
        from zoo.train.recipe_file import read_recipe

        return read_recipe(path, overrides)

    def replace(self, table: str, **changes: Any) -> Recipe:
        """The recipe with some keys of one table changed."""
        keys = getattr(self, table)
        changed = {**keys, **changes} if table in FREE_TABLES else dataclasses.replace(keys, **changes)
        return dataclasses.replace(self, **{table: changed})

    def written(self) -> dict[str, dict[str, Any]]:
        """The tables and their keys, as they stand in a file; keys without a value are left out."""
        tables = {table: _written(getattr(self, table)) for table in TABLES}
        return tables | {table: dict(keys) for table in FREE_TABLES if (keys := getattr(self, table))}


def _written(keys: Any) -> dict[str, Any]:
    """The keys of a table but for those that are as empty as they are by default."""
    usual = dataclasses.asdict(type(keys)())
    return {
        name: _plain(value)
        for name, value in dataclasses.asdict(keys).items()
        if value is not None and not (value in EMPTY and usual[name] in EMPTY)
    }


def _plain(value: Any) -> Any:
    """A value as a file has it, so that it equals what is read from one."""
    return list(value) if isinstance(value, tuple) else value


TABLES = {
    "model": ModelKeys,
    "data": DataKeys,
    "train": TrainKeys,
    "evaluate": EvaluateKeys,
    "output": OutputKeys,
}

FREE_TABLES = {"track": "who follows the run: the names of trackers, each `true` or a table of its options"}
"""Tables whose keys are no one's but the plugins' that they name."""
