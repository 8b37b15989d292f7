"""The layout of Llama checkpoints as transformers writes them."""

from __future__ import annotations

from zoo.weights import Layout, decoder_layout
from zoo_llama.config import LlamaConfig


def transformers_layout(config: LlamaConfig, task: str) -> Layout:
    return decoder_layout(task, tied=config.tie_word_embeddings)
