"""Preferences that a tiny decoder learns: pairs and rows, the decoder and its recipes, and weights stirred up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.data.conversations import Preference
from zoo.testing import tiny_decoder

BETA = 0.7
PAIRS = [
    Preference("The horn of", " plenty, full of fruit.", " nothing."),
    Preference("How many?", " Three.", " I do not know, and nobody does, as far as I have heard."),
    Preference("A longer question, to be answered in few words: which of them?", " The first.", " The last one."),
]
ROWS = [
    {"prompt": f"{n} plus {m} is", "chosen": f" {n + m}, as you see.", "rejected": " nothing that I know."}
    for n in range(6)
    for m in range(6)
]


def decoder(folder: Path) -> Path:
    """A checkpoint whose tokenizer has learned the texts above."""
    texts = [" ".join(row.values()) for row in ROWS] + [f"{p.prompt}{p.chosen}{p.rejected}" for p in PAIRS]
    return tiny_decoder(folder, texts, tie_word_embeddings=True)


def recipe_of(base: Path, **tables: Any) -> zoo.Recipe:
    tables = {"train": {"batch_size": 3, "dpo_beta": BETA}, "data": {"train": "x.jsonl"}, **tables}
    return zoo.Recipe.of(model={"preset": str(base), "task": "text-generation"}, **tables)


def stirred(model: Any, scale: float = 0.05) -> Any:
    """The model with noise on its trainable weights."""
    chance = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable + chance.normal(scale=scale, size=variable.shape).astype(np.float32))
    return model
