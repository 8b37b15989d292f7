"""Token classification: a label for every word, and the spans they form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from zoo.data.encoded import Encoded, EncodedTexts, blocks
from zoo.data.problems import TOKENS
from zoo.data.text import as_list
from zoo.errors import ZooError
from zoo.tasks.labelled import NO_LABEL, LabelledTexts, label_numbers
from zoo.tasks.losses import Loss, cross_entropy
from zoo.tasks.model import softmax
from zoo.tasks.text_model import TextModel


@keras.saving.register_keras_serializable("zoo")
class TokenClassifier(TextModel):
    """Logits `(batch, length, classes)`; `tag` finds the labelled spans of a text."""

    task = "token-classification"
    verb = "tag"
    needs_labels = True
    problem = TOKENS

    def tag(self, texts: Any, *, max_length: int | None = None) -> list[list[dict[str, Any]]]:
        """The labelled spans of each text: `[{"entity", "score", "word", "start", "end"}]`.

        A word takes the label of its first token, the one that is trained. Neighbouring words of one entity
        are joined: `B-X` opens a span, `I-X` goes on with it, and plain labels join their like. `O` is no
        entity. `score` is the mean of the words' probabilities, `start` and `end` count characters; of a pair the
        first text is tagged. The spans are those of transformers' pipeline with `aggregation_strategy="first"`,
        but `word` is the text as it was written, not as its tokens spell it.
        """
        inputs = as_list(texts)
        encodings = self.preprocess.encode_batch(inputs, max_length=max_length)
        found: list[list[dict[str, Any]]] = [[] for _ in inputs]
        for n, rows in self.run([Encoded.of(encoding) for encoding in encodings], softmax()):
            text = inputs[n] if isinstance(inputs[n], str) else inputs[n][0]
            found[n] = _spans(text, self._words(encodings[n], rows))
        return found

    def _words(self, encoding: Any, rows: np.ndarray) -> list[tuple[str, float, int, int]]:
        """Label, probability, start and end of each word of the (first) text."""
        words: list[tuple[str, float, int, int]] = []
        previous = None
        for word, sequence, (start, end), row in zip(
            encoding.word_ids, encoding.sequence_ids, encoding.offsets, rows, strict=False
        ):
            if word is None or sequence != 0:
                continue
            if word == previous:
                label, score, first, _ = words[-1]
                words[-1] = (label, score, first, end)
            else:
                best = int(row.argmax())
                words.append((self.labels[best], float(row[best]), start, end))
            previous = word
        return words

    def default_loss(self) -> keras.losses.Loss:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=NO_LABEL)

    def compile(self, optimizer: Any = None, loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:
        super().compile(optimizer, loss, [TokenAccuracy()] if metrics is None else metrics, **kwargs)

    def dataset(
        self,
        inputs: Sequence[Sequence[str]],
        labels: Sequence[Sequence[Any]],
        batch_size: int = 32,
        *,
        seed: int = 0,
    ) -> LabelledTexts:
        """Lists of words and lists of their labels as batches for `fit`; a word's first token carries its label."""
        return LabelledTexts(self.preprocess, *self.encode_labelled(inputs, labels), batch_size, seed)

    def encode_labelled(
        self, inputs: Sequence[Sequence[str]], labels: Sequence[Sequence[Any]]
    ) -> tuple[EncodedTexts, list[np.ndarray]]:
        """Lists of words as tokens, and their labels as `(length,)` class numbers, `NO_LABEL` where there is none.

        A word's first token carries its label; what is cut off carries none.
        """
        if len(inputs) != len(labels):
            raise ZooError(f"There are {len(inputs)} inputs and {len(labels)} lists of labels.")
        for n, (words, tags) in enumerate(zip(inputs, labels, strict=True)):
            texts = not isinstance(words, str) and all(isinstance(word, str) for word in words)
            if not texts or isinstance(tags, str) or len(words) != len(tags):
                raise ZooError(f"Input {n + 1} needs a list of words and one label for each.")
        targets: list[np.ndarray] = []

        def encoded() -> Iterator[Encoded]:
            for start, block in blocks(zip(inputs, labels, strict=True)):
                encodings = self.preprocess.encode_batch(
                    [list(words) for words, _ in block], words=True, start=start
                )
                for encoding, (_, tags) in zip(encodings, block, strict=True):
                    targets.append(self._targets(encoding, tags))
                    yield Encoded.of(encoding)

        return EncodedTexts(encoded()), targets

    def _targets(self, encoding: Any, tags: Sequence[Any]) -> np.ndarray:
        numbers, previous, row = label_numbers(tags, self.labels), None, []
        for word in encoding.word_ids:
            row.append(NO_LABEL if word is None or word == previous else numbers[word])
            previous = word
        return np.array(row, np.int32)

    def objective(self, *, smoothing: float = 0.0, class_weights: Sequence[float] = ()) -> Loss:
        return cross_entropy(smoothing, class_weights)

    def token_probabilities(self, encoded: Sequence[Encoded]) -> list[np.ndarray]:
        """The probability of every class for every token of each input, `(length, classes)` float32."""
        found: list[np.ndarray] = [np.zeros((0, len(self.labels)), np.float32)] * len(encoded)
        for n, rows in self.run(encoded, softmax()):
            found[n] = rows[: len(encoded[n])]
        return found


@keras.saving.register_keras_serializable("zoo")
class TokenAccuracy(keras.metrics.Mean):
    """The share of labelled tokens that the model gets right."""

    def __init__(self, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        trained = keras.ops.not_equal(y_true, NO_LABEL)
        right = keras.ops.equal(y_true, keras.ops.cast(keras.ops.argmax(y_pred, axis=-1), y_true.dtype))
        super().update_state(right, sample_weight=trained)


def _spans(text: str, words: list[tuple[str, float, int, int]]) -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = []
    open_entity = ""
    for label, score, start, end in words:
        begins, entity = label[:2] == "B-", label[2:] if label[:2] in ("B-", "I-") else label
        if label == "O":
            open_entity = ""
        elif entity == open_entity and not begins:
            spans[-1]["scores"].append(score)
            spans[-1]["end"] = end
        else:
            spans.append({"entity": entity, "scores": [score], "start": start, "end": end})
            open_entity = entity
    return [
        {
            "entity": span["entity"],
            "score": float(np.mean(span["scores"])),
            "word": text[span["start"] : span["end"]],
            "start": span["start"],
            "end": span["end"],
        }
        for span in spans
    ]
