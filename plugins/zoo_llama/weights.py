"""The layout of Llama checkpoints as transformers writes them."""

from __future__ import annotations

from zoo.weights import Layout, decoder_layout
from zoo_llama.config import LlamaConfig

_NORMS = {"input_layernorm": "attention_norm", "post_attention_layernorm": "mlp_norm"}


def transformers_layout(config: LlamaConfig, task: str) -> Layout:
    return decoder_layout(task, _NORMS, tied=config.tie_word_embeddings)
