"""Tiny BERT checkpoints with a tokenizer, made by transformers: one for each class, shared by all tests."""

from __future__ import annotations

import functools
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

WORDS = ["good", "bad", "film", "the", "was", "very", "in", "ann", "paris", "lives", "and", ".", ",", "'"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = [*SPECIAL, *WORDS, *string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`checkpoint("BertModel", **config)`: a directory with config, weights and tokenizer."""

    @functools.cache
    def make(kind: str, labels: tuple[str, ...] = (), **settings: Any) -> Path:
        torch.manual_seed(5)
        names = {"id2label": dict(enumerate(labels)), "label2id": {label: n for n, label in enumerate(labels)}}
        config = transformers.BertConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=48,
            max_position_embeddings=40,
            **{"initializer_range": 0.1} | (names if labels else {}) | settings,
        )
        folder = tmp_path_factory.mktemp(kind)
        getattr(transformers, kind)(config).save_pretrained(folder)
        transformers.BertTokenizer(vocab={token: n for n, token in enumerate(VOCABULARY)}).save_pretrained(folder)
        return folder

    return make
