"""Talks that a tiny decoder learns to spell numbers by, the decoder, and recipes for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import zoo
from tests.chat.templates import CHATML, TOKENS
from zoo.testing import tiny_decoder

NAMES = ("zero", "one", "two", "three", "four", "five")
CONFIG = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 96,
}


def talk(*said: str) -> dict[str, Any]:
    return {"messages": [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(said)]}


ROWS = [talk(f"Spell {n}.", NAMES[n]) for n in range(6)] * 8


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def recipe(data: Path, output: Path, model: Mapping[str, Any] | None = None, **keys: Any) -> zoo.Recipe:
    return zoo.Recipe.of(
        model=model or {"architecture": "llama", "task": "text-generation", "config": CONFIG},
        data={"train": str(data), "validation": 0.25, **keys},
        train={"epochs": 25, "batch_size": 12, "learning_rate": 1e-2},
        output={"dir": str(output)},
    )


def decoder(folder: Path) -> Path:
    """A checkpoint with a template whose turns end with a token that the model does not know to stop at."""
    texts = [message["content"] for row in ROWS for message in row["messages"]]
    return tiny_decoder(folder, texts, chat_template=CHATML, special=TOKENS, **CONFIG)
