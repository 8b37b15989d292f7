"""Llama (https://arxiv.org/abs/2302.13971) and what is built like it: Llama 2 and 3, TinyLlama, SmolLM2."""

from __future__ import annotations

import zoo


@zoo.hookimpl
def zoo_architectures() -> list[zoo.Architecture]:
    from zoo_llama.config import LlamaConfig
    from zoo_llama.weights import transformers_layout

    return [zoo.decoder_architecture("llama", LlamaConfig, transformers_layout, "Llama")]
