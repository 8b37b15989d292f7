"""Fine-tune MiniLM with KerasHub's text classifier, its defaults kept.

Job: `model`, `train`, `test`, `labels`, `max_length`, `epochs`, `batch_size`, `learning_rate`, `seed`,
`output` (a directory).
"""

import csv

import keras
import keras_hub  # pyright: ignore[reportMissingImports]
import numpy as np
from job import JOB, answer, elapsed

keras.utils.set_random_seed(JOB["seed"])
preprocessor = keras_hub.models.BertTextClassifierPreprocessor.from_preset(
    JOB["model"], sequence_length=JOB["max_length"]
)
classifier = keras_hub.models.BertTextClassifier.from_preset(
    JOB["model"], num_classes=len(JOB["labels"]), preprocessor=preprocessor
)
classifier.compile(
    optimizer=keras.optimizers.AdamW(JOB["learning_rate"]),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)


def rows(path: str) -> tuple[np.ndarray, np.ndarray]:
    with open(path, newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    return np.array([row["text"] for row in read]), np.array([JOB["labels"].index(row["label"]) for row in read])


train_began = elapsed()
classifier.fit(*rows(JOB["train"]), batch_size=JOB["batch_size"], epochs=JOB["epochs"], verbose=0)
trained = elapsed()
classifier.save_to_preset(JOB["output"])
saved = elapsed()
accuracy = classifier.evaluate(*rows(JOB["test"]), batch_size=JOB["batch_size"], verbose=0, return_dict=True)[
    "accuracy"
]
answer(train_s=trained - train_began, saved_s=saved, accuracy=float(accuracy))
