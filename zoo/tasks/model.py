"""The model that `zoo.load` returns: a keras.Model with its preprocessing, its labels and a way back to disk."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import keras
import numpy as np
from PIL.Image import Image

from zoo.backend import compiled, full_precision, recompiled
from zoo.errors import ZooError
from zoo.hub.description import is_timm, with_labels
from zoo.hub.files import Files, local_files
from zoo.nn.config import Config
from zoo.nn.embedding import TokenEmbedding
from zoo.nn.linear import Linear
from zoo.registry.code import find_architecture
from zoo.registry.records import Architecture
from zoo.tasks.adapters import Adapters
from zoo.tasks.labelled import Labelled
from zoo.tasks.losses import Loss
from zoo.tasks.verbs import no_such_attribute
from zoo.weights.audit import Audit
from zoo.weights.export import tensors_of
from zoo.weights.layout import Layout
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
    inputs: ClassVar[str]
    """What the raw inputs are called: texts, images."""
    needed_file: ClassVar[tuple[str, str]]
    """What is missing where raw inputs cannot be taken: in a word, and the file's name."""

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
        self.adapters = Adapters(self)
        self.rounded = False
        self._preprocessor: Any = None
        self.backbone = record.backbone(config, name="backbone")
        self.head = record.heads[self.task].layer(config, len(labels), name="head")

    @property
    def record(self) -> Architecture:
        return find_architecture(self.architecture)

    if not TYPE_CHECKING:  # it would give every misspelt name a type

        def __getattr__(self, name: str) -> Any:
            raise no_such_attribute(self, name)

    def build(self, input_shape: Any = None) -> None:
        self.backbone.build(None)
        self.head.build(None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with full_precision():
            return super().__call__(*args, **kwargs)

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        return self.head(self.backbone(arrays, training=training), training=training)

    # Raw inputs

    @property
    def preprocess(self) -> Any:
        """`preprocess(raw)` gives the arrays `model` takes. Raises a ZooError where its files are missing."""
        if self._preprocessor is None:
            raise ZooError(
                f"{self.preset or 'This model'} came without {self.needed_file[0]}, so it takes arrays only.",
                fix=f"Call model(arrays), or put {self.needed_file[1]} beside the weights to use {self.verb}().",
            )
        return self._preprocessor

    @preprocess.setter
    def preprocess(self, preprocessor: Any) -> None:
        self._preprocessor = preprocessor

    def compiled_forward(
        self, finish: Callable[[Any, dict[str, Any]], Any], call: Any = None
    ) -> Callable[..., Any]:
        """A compiled function from arrays to what `finish(outputs, arrays)` makes of the model's outputs.

        Args:
            finish: pass the same function every time, or it compiles every time.
            call: what computes the outputs in the model's place, such as its backbone's feature maps.
        """
        if "_forwards" not in self.__dict__:
            object.__setattr__(self, "_forwards", {})
        forwards = self.__dict__["_forwards"]
        if (finish, call) not in forwards:
            compute = call or functools.partial(self, training=False)

            @compiled
            def forward(state: Any, arrays: dict[str, Any]) -> Any:
                with keras.StatelessScope(state_mapping=list(zip(self.variables, state, strict=True))):
                    return finish(compute(arrays), arrays)

            forwards[finish, call] = forward
        run = forwards[finish, call]
        state = [variable.value for variable in self.variables]
        return lambda arrays: jax.device_get(run(state, arrays))

    def forget_compiled(self) -> None:
        """Compile anew when it is next needed: what the layers compute has changed."""
        for programs in ("_forwards", "_generation"):
            self.__dict__.pop(programs, None)
        self.train_function = self.test_function = self.predict_function = None

    def keep_as_int8(self, *, whole: bool = False) -> None:
        """Keep the linear layers of the backbone as 8-bit numbers from now on: a quarter of float32's memory.

        Outputs change a little, and these layers are trained no more; an adapter on them is.

        Args:
            whole: the head and the token embeddings, too. Such a model only computes, and is not saved.
        """
        layers = (self if whole else self.backbone)._flatten_layers()
        kinds = (Linear, TokenEmbedding) if whole else (Linear,)
        chosen = [layer for layer in layers if isinstance(layer, kinds)]
        if not chosen:
            raise ZooError(f"{self.preset or 'This model'} has no layers that int8 is for.")
        for layer in chosen:
            layer.keep_as_int8()
        self.rounded = whole
        self.forget_compiled()

    def check_whole(self, what: str) -> None:
        """Raise a ZooError where all weights are rounded, and so cannot be `what`."""
        if self.rounded:
            raise ZooError(
                f"A model whose weights are rounded to int8 cannot be {what}.",
                fix="Load it without dtype='int8' for that.",
            )

    # Keras training

    def default_loss(self) -> keras.losses.Loss:
        """The task's loss. Raises a ZooError where the task cannot be trained by `fit`."""
        raise ZooError(
            f"{self.task} has no loss to train with.",
            fix="Load the model with a task that has labels, such as text-classification or image-classification.",
        )

    def objective(self, *, smoothing: float = 0.0, class_weights: Sequence[float] = ()) -> Loss:
        """What a recipe's training makes small. Raises a ZooError where the task has no loss."""
        self.default_loss()
        raise ZooError(f"A recipe cannot train {self.task}.", fix="Train it with model.fit.")

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
        self.check_whole("trained")
        self._check_ready(x)
        if isinstance(x, Labelled):
            kwargs.setdefault("shuffle", False)  # it shuffles itself, by its seed; Keras would do so without one
        return super().fit(x, *args, **kwargs)

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.evaluate; `x` is what `model.dataset(...)` makes, or a dict of arrays."""
        self._check_ready(x)
        return super().evaluate(x, *args, **kwargs)

    def _check_ready(self, x: Any) -> None:
        _refuse_raw(x, self.inputs, f"Wrap them: model.fit(model.dataset({self.inputs}, labels)).")
        if not self.compiled:
            self.default_loss()
            raise ZooError("The model is not compiled.", fix="Call model.compile() first.")

    def predict(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As keras.Model.predict; `x` is a dict of arrays. For raw inputs there is the task's verb."""
        if isinstance(x, Labelled):
            raise ZooError(
                "predict would return the rows of this data set in its shuffled order.",
                fix=f"Use model.{self.verb}({self.inputs}), or evaluate.",
            )
        _refuse_raw(x, self.inputs, f"Use model.{self.verb}({self.inputs}).")
        return super().predict(x, *args, **kwargs)

    def _make_function(self, step_function: Any, *args: Any, **kwargs: Any) -> Any:
        """Keras hands its compiled steps through here. Where a Keras does not, they stay as it compiles them."""
        return super()._make_function(recompiled(step_function), *args, **kwargs)

    # To disk and back

    def save_pretrained(self, folder: str | Path, *, max_shard_size: int | str = MAX_SHARD_SIZE) -> None:
        """Write a directory that transformers, or timm, loads with equal outputs: config, weights, the other files.

        An adapter that is on is worked into what is written; `model.adapters.save` writes it by itself.

        Args:
            max_shard_size: weights beyond this many bytes (or `"500MB"`, `"5GB"`) are split into shards.

        Raises a ZooError, and leaves nothing behind, where the directory is there already and not empty, the
        disk refuses, or a weight is NaN or infinite.
        """
        self.check_whole("saved")
        adapters = self.adapters
        tensors = tensors_of(self, self.weight_layout(), without=adapters.own_paths(), changed=adapters.merged())
        write_checkpoint(
            Path(folder), self.written_config(), tensors, self.companions(), max_shard_size=max_shard_size
        )

    def weight_layout(self) -> Layout:
        """The table of its weights, in the format that it came in."""
        return self.record.layouts[self.layout](self.config, self.task)

    def written_config(self) -> dict[str, Any]:
        """The content of the config.json that `save_pretrained` writes."""
        changes: dict[str, Any] = {}
        timm = is_timm(self.config.source)
        if not timm:
            changes["architectures"] = [self.record.heads[self.task].references[0]]
        # transformers 5 loads weights in the precision that is named here, whatever precision they are stored in.
        changes |= {key: self.variable_dtype for key in ("dtype", "torch_dtype") if key in self.config.source}
        entry = with_labels(self.config.written(**changes), self.labels)
        if not timm:
            entry.setdefault("model_type", self.architecture.rpartition(":")[2])
        return entry

    def companions(self) -> dict[str, bytes]:
        """The files that are written beside the weights: the tokenizer's or preprocessor's, as they were read."""
        return dict(self._preprocessor.files) if self._preprocessor else {}

    def adapter_companions(self) -> dict[str, bytes]:
        """The files that are written beside an adapter, by which it is known what it was trained with."""
        return {}

    def check_adapter_files(self, files: Files) -> None:
        """Raise a ZooError where the files beside an adapter say that it was trained with something else."""

    def get_config(self) -> dict[str, Any]:
        if any(isinstance(layer, Linear) and layer.scale is not None for layer in self._flatten_layers()):
            raise ZooError(
                "A Keras file cannot hold 8-bit weights.", fix="Use save_pretrained, which writes floats."
            )
        if self.adapters:
            raise ZooError(
                "A Keras file cannot hold adapters.",
                fix="Work the one that is on into the model, model.adapters.merge(), and remove() the others.",
            )
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


def _refuse_raw(x: Any, what: str, fix: str) -> None:
    while isinstance(x, list | tuple | np.ndarray) and len(x):
        x = x[0]
    if isinstance(x, str | bytes | Path | Image):
        raise ZooError(f"fit, evaluate and predict take arrays, and these are raw {what}.", fix=fix)


def load_keras_file(path: Path) -> Model:
    """A model saved with `model.save("x.keras")`. Keras files can carry code: open only your own."""
    try:
        model = keras.saving.load_model(path)
    except Exception as error:  # the library raises whatever the damage leads to
        raise ZooError(f"{path} is not a sound Keras file.", why=str(error)) from error
    if not isinstance(model, Model):
        raise ZooError(f"{path} holds a Keras model, but not one of zoo's.")
    if model._preprocessor is None:  # Keras asks for assets only where there are files of them
        model.read_companions(Files({}, str(path)))
    return model


@functools.cache
def softmax() -> Callable[[Any, Any], Any]:
    """`finish` for `Model.run`: probabilities over the last axis."""
    return lambda logits, arrays: keras.ops.softmax(keras.ops.cast(logits, "float32"), axis=-1)
