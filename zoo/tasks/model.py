"""The model that `zoo.load` returns: a keras.Model with its preprocessing, its labels and a way back to disk."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import jax
import keras
import numpy as np

from zoo.data.batching import batches
from zoo.data.text import Encoded, TextPreprocessor
from zoo.errors import ZooError
from zoo.hub.files import local_files
from zoo.nn.config import Config
from zoo.registry.code import find_architecture
from zoo.registry.records import Architecture
from zoo.tasks.labelled import LabelledTexts
from zoo.weights.audit import Audit
from zoo.weights.export import tensors_of
from zoo.weights.shards import MAX_SHARD_SIZE
from zoo.weights.writer import write_checkpoint


class Model(keras.Model):
    """A backbone, the head of one task, and the preprocessing of its checkpoint.

    `model(arrays)` maps a dict of arrays to the task's plain output; the task's verb (`embed`, `classify`, ...)
    takes raw inputs. It is an ordinary Keras model otherwise.

    Args:
        architecture: the architecture's qualified name, `plugin:name`.
        config: the architecture's config.
        labels: the class names, in the order of the output's last axis.
        layout: the checkpoint format it came in, and is written in.
        preset: the preset or path it was loaded from, if any.
    """

    task: ClassVar[str]
    verb: ClassVar[str]
    needs_labels: ClassVar[bool] = False

    def __init__(
        self,
        architecture: str,
        config: Config | dict[str, Any],
        labels: Sequence[str] = (),
        layout: str = "transformers",
        preset: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        record = find_architecture(architecture)
        config = record.config.read(config, architecture) if isinstance(config, dict) else config
        self.architecture = architecture
        self.config: Config = config
        self.labels = tuple(labels)
        self.layout = layout
        self.preset = preset
        self.audit = Audit()
        self._preprocessor: TextPreprocessor | None = None
        self.backbone = record.backbone(config, name="backbone")
        self.head = record.heads[self.task].layer(config, len(labels), name="head")

    @property
    def record(self) -> Architecture:
        return find_architecture(self.architecture)

    def build(self, input_shape: Any = None) -> None:
        self.backbone.build(None)
        self.head.build(None)

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        return self.head(self.backbone(arrays, training=training), training=training)

    # Raw inputs

    @property
    def preprocess(self) -> TextPreprocessor:
        """`preprocess(raw)` gives the arrays `model` takes. Raises a ZooError where no tokenizer came along."""
        if self._preprocessor is None:
            raise ZooError(
                f"{self.preset or 'This model'} came without tokenizer files, so it takes arrays only.",
                fix=f"Call model(arrays), or put tokenizer.json beside the weights to use {self.verb}().",
            )
        return self._preprocessor

    @preprocess.setter
    def preprocess(self, preprocessor: TextPreprocessor | None) -> None:
        self._preprocessor = preprocessor

    def run(
        self, encoded: Sequence[Encoded], finish: Callable[[Any, dict[str, Any]], Any]
    ) -> Iterator[tuple[int, Any]]:
        """Compute the outputs of encoded inputs in batches of like length, in no particular order.

        Args:
            finish: `(outputs, arrays) -> outputs`, compiled together with the model. Pass the same function
                every time, or it compiles every time.

        Yields:
            each input's number, and its outputs as numpy with padding rows dropped.
        """
        forward = self._compiled(finish)
        state = [v.value for v in self.trainable_variables], [v.value for v in self.non_trainable_variables]
        for batch in batches([len(item) for item in encoded]):
            length = min(batch.length, self.preprocess.positions)
            arrays = self.preprocess.pad([encoded[n] for n in batch.indices], rows=batch.rows, length=length)
            outputs = jax.device_get(forward(*state, arrays))
            for row, n in enumerate(batch.indices):
                yield n, jax.tree.map(lambda x, row=row: x[row], outputs)

    def _compiled(self, finish: Callable[..., Any]) -> Callable[..., Any]:
        if "_forwards" not in self.__dict__:
            object.__setattr__(self, "_forwards", {})
        forwards = self.__dict__["_forwards"]
        if finish not in forwards:

            @jax.jit
            def forward(trainable: Any, fixed: Any, arrays: dict[str, Any]) -> Any:
                outputs, _ = self.stateless_call(trainable, fixed, arrays, training=False)
                return finish(outputs, arrays)

            forwards[finish] = forward
        return forwards[finish]

    # Keras training

    def default_loss(self) -> keras.losses.Loss:
        """The task's loss. Raises a ZooError where the task cannot be trained by `fit`."""
        raise ZooError(
            f"{self.task} has no loss to train with.",
            fix="Load the model with task='text-classification' or another task that has labels.",
        )

    def compile(self, optimizer: Any = None, loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:
        """As keras.Model.compile; what is left out is the task's own: AdamW, its loss, its metrics."""
        super().compile(
            optimizer=keras.optimizers.AdamW(5e-5) if optimizer is None else optimizer,
            loss=self.default_loss() if loss is None else loss,
            metrics=["accuracy"] if metrics is None else metrics,
            **kwargs,
        )

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as a model was before it was saved: Keras leaves this to models with a `compile` of their own."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def dataset(self, inputs: Sequence[Any], labels: Sequence[Any], batch_size: int = 32, *, seed: int = 0) -> Any:
        """Raw inputs and labels as batches for `fit` and `evaluate`, shuffled anew each epoch."""
        raise ZooError(f"{self.task} has no labels, so it has no data set to train on.")

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.fit; `x` is what `model.dataset(...)` makes, or a dict of arrays."""
        self._check_ready(x)
        if isinstance(x, LabelledTexts):
            kwargs.setdefault("shuffle", False)  # it shuffles itself, by its seed; Keras would do so without one
        return super().fit(x, *args, **kwargs)

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.evaluate; `x` is what `model.dataset(...)` makes, or a dict of arrays."""
        self._check_ready(x)
        return super().evaluate(x, *args, **kwargs)

    def _check_ready(self, x: Any) -> None:
        _refuse_raw(x, "Wrap them: model.fit(model.dataset(texts, labels)).")
        if not self.compiled:
            self.default_loss()
            raise ZooError("The model is not compiled.", fix="Call model.compile() first.")

    def predict(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.predict; `x` is a dict of arrays. For raw inputs there is the task's verb."""
        if isinstance(x, LabelledTexts):
            raise ZooError(
                "predict would return the rows of this data set in its shuffled order.",
                fix=f"Use model.{self.verb}(texts), or evaluate.",
            )
        _refuse_raw(x, f"Use model.{self.verb}(texts).")
        return super().predict(x, *args, **kwargs)

    # To disk and back

    def save_pretrained(self, folder: str | Path, *, max_shard_size: int | str = MAX_SHARD_SIZE) -> None:
        """Write a directory that transformers loads with equal outputs: config, weights, tokenizer files.

        Args:
            max_shard_size: weights beyond this many bytes (or `"500MB"`, `"5GB"`) are split into shards.

        Raises a ZooError, and leaves nothing behind, where the directory is there already and not empty, the
        disk refuses, or a weight is NaN or infinite.
        """
        tensors = tensors_of(self, self.record.layouts[self.layout](self.config, self.task))
        write_checkpoint(
            Path(folder), self.written_config(), tensors, self.companions(), max_shard_size=max_shard_size
        )

    def written_config(self) -> dict[str, Any]:
        """The content of the config.json that `save_pretrained` writes."""
        changes: dict[str, Any] = {"architectures": [self.record.heads[self.task].references[0]]}
        if self.labels:
            changes["id2label"] = {str(n): label for n, label in enumerate(self.labels)}
            changes["label2id"] = {label: n for n, label in enumerate(self.labels)}
        # transformers 5 loads weights in the precision that is named here, whatever precision they are stored in.
        changes |= {key: self.variable_dtype for key in ("dtype", "torch_dtype") if key in self.config.source}
        entry = self.config.written(**changes)
        entry.pop("num_labels", None)
        entry.setdefault("model_type", self.architecture.rpartition(":")[2])
        return entry

    def companions(self) -> dict[str, bytes]:
        """The files that are written beside the weights: the tokenizer's, as they were read."""
        return dict(self._preprocessor.files) if self._preprocessor else {}

    def get_config(self) -> dict[str, Any]:
        return {
            "architecture": self.architecture,
            "config": self.config.written() | self.config.inferred(),
            "labels": list(self.labels),
            "layout": self.layout,
            "preset": self.preset,
            "name": self.name,
        }

    def save_assets(self, folder: str) -> None:
        for name, content in self.companions().items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def load_assets(self, folder: str) -> None:
        self.read_companions(local_files(Path(folder)))

    def read_companions(self, files: Any) -> None:
        """Take what a checkpoint's other files say: here, how to preprocess."""
        self.preprocess = self.record.preprocessor(files, self.config)


def _refuse_raw(x: Any, fix: str) -> None:
    while isinstance(x, list | tuple | np.ndarray) and len(x):
        x = x[0]
    if isinstance(x, str | bytes):
        raise ZooError("fit, evaluate and predict take arrays, and these are raw texts.", fix=fix)


def load_keras_file(path: Path) -> Model:
    """A model saved with `model.save("x.keras")`. Keras files can carry code: open only your own."""
    try:
        model = keras.saving.load_model(path)
    except Exception as error:  # the library raises whatever the damage leads to
        raise ZooError(f"{path} is not a sound Keras file.", why=str(error)) from error
    if not isinstance(model, Model):
        raise ZooError(f"{path} holds a Keras model, but not one of zoo's.")
    return model


@functools.cache
def softmax() -> Callable[[Any, Any], Any]:
    """`finish` for `Model.run`: probabilities over the last axis."""
    return lambda logits, arrays: keras.ops.softmax(keras.ops.cast(logits, "float32"), axis=-1)
