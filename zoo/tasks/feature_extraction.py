"""Feature extraction: a vector for each text, pooled as the checkpoint says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.data.encoded import EncodedTexts
from zoo.data.pairs import text_numbers
from zoo.data.problems import RETRIEVAL
from zoo.data.text import as_list
from zoo.errors import ZooError
from zoo.hub.files import Files
from zoo.nn.packing import unpacked
from zoo.tasks.losses import Loss, in_batch_negatives
from zoo.tasks.text_model import TextModel

_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weighted_mean",
    "pooling_mode_lasttoken": "last",
}
_FILES = (
    "modules.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
)


@keras.saving.register_keras_serializable("zoo")
class FeatureExtractor(TextModel):
    """Features `(batch, length, dim)`; `embed` pools them to one vector a text.

    Pooling and normalisation come from the sentence-transformers files of the checkpoint (`modules.json`);
    without them `embed` is the masked mean, not normalised.
    """

    task = "feature-extraction"
    verb = "embed"
    problem = RETRIEVAL

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pooling: tuple[str, ...] = ("mean",)
        self.normalize = False
        self._pooling_files: dict[str, bytes] = {}

    def embed(self, texts: Any, *, max_length: int | None = None) -> np.ndarray:
        """One vector a text or pair, `(texts, dim)` float32.

        Args:
            texts: a text, a pair as a tuple, or a list of them.
            max_length: truncate after this many tokens; the checkpoint's own limit by default.
        """
        encoded = self.preprocess.encode(as_list(texts), max_length=max_length)
        vectors = np.zeros((len(encoded), self.backbone.dim * len(self.pooling)), np.float32)
        for n, vector in self.run(encoded, self.pool):
            vectors[n] = vector
        return vectors

    def pool(self, features: Any, arrays: dict[str, Any]) -> Any:
        """Pool features `(batch, length, dim)` to `(batch, dim)`, by the reference's formulas.

        Reference: sentence_transformers/models/Pooling.py and Normalize.py
        """
        pooled = self._pooled(features, arrays)
        if self.normalize:
            norm = ops.sqrt(ops.sum(ops.square(pooled), axis=-1, keepdims=True))
            pooled = pooled / ops.maximum(norm, 1e-12)
        return pooled

    def _pooled(self, features: Any, arrays: dict[str, Any]) -> Any:
        features, own = unpacked(ops.cast(features, "float32"), arrays)
        mask = ops.cast(own, "float32")[:, :, None]
        return ops.concatenate([_POOL[mode](features, mask) for mode in self.pooling], axis=-1)

    # Training, on pairs of texts that belong together

    def encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[EncodedTexts, np.ndarray]:
        """Pairs as they are trained on: their texts in turn, and `(pairs, 2)` numbers that equal texts share."""
        return self.preprocess.encode(text for pair in pairs for text in pair), text_numbers(pairs)

    def objective(self, *, smoothing: float = 0.0, class_weights: Sequence[float] = ()) -> Loss:
        """`in_batch_negatives`; its targets are the arrays, which say what is pooled, and the texts' numbers."""
        if smoothing or len(class_weights):
            raise ZooError(
                "Label smoothing and class weights are for classes, and pairs of texts have none.",
                fix="Leave out train.label_smoothing and train.class_weights.",
            )
        found = in_batch_negatives()

        def loss(features: Any, targets: Any, weights: Any) -> tuple[Any, Any]:
            arrays, numbers = targets
            return found(self._pooled(features, arrays), numbers, weights)

        return loss

    def read_companions(self, files: Files) -> None:
        super().read_companions(files)
        if "modules.json" not in files:
            return
        self._pooling_files = {name: files.path(name).read_bytes() for name in _FILES if name in files}
        modules = files.json("modules.json")
        if not (isinstance(modules, list) and all(_is_module(module) for module in modules)):
            raise ZooError(f"modules.json of {files.origin} is not a list of modules, each with its type and path.")
        for module in modules:
            match module["type"].rpartition(".")[2]:
                case "Transformer":
                    pass
                case "Normalize":
                    self.normalize = True
                case "Pooling":
                    self.pooling = _pooling(files, f"{module['path']}/config.json")
                case other:
                    raise ZooError(
                        f"{files.origin} has a module of kind '{other}', which zoo does not compute.",
                        why=f"modules.json: {json.dumps(module)}",
                    )

    def companions(self) -> dict[str, bytes]:
        return super().companions() | self._pooling_files


def _is_module(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in ("type", "path"))


def _pooling(files: Files, name: str) -> tuple[str, ...]:
    settings = files.mapping(name)
    modes = tuple(mode for key, mode in _MODES.items() if settings.get(key))
    if not modes:
        raise ZooError(f"{name} of {files.origin} names no way of pooling.", why=f"zoo knows {', '.join(_MODES)}")
    return modes


def _last(features: Any, mask: Any) -> Any:
    count = ops.shape(features)[1]
    at = ops.max(ops.where(mask[:, :, 0] > 0, ops.arange(count)[None, :], 0), axis=1)
    return ops.sum(features * ops.cast(ops.one_hot(at, count), features.dtype)[:, :, None], axis=1)


def _weighted_mean(features: Any, mask: Any) -> Any:
    weights = mask * ops.arange(1, ops.shape(features)[1] + 1, dtype="float32")[None, :, None]
    return ops.sum(features * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1e-9)


def _count(mask: Any) -> Any:
    return ops.maximum(ops.sum(mask, axis=1), 1e-9)


_POOL = {
    "cls": lambda x, mask: x[:, 0],
    "mean": lambda x, mask: ops.sum(x * mask, axis=1) / _count(mask),
    "max": lambda x, mask: ops.max(ops.where(mask > 0, x, -1e9), axis=1),
    "mean_sqrt_len": lambda x, mask: ops.sum(x * mask, axis=1) / ops.sqrt(_count(mask)),
    "weighted_mean": _weighted_mean,
    "last": _last,
}
