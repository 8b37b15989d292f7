"""Gemma 1, 2 and 3, for text (https://arxiv.org/abs/2403.08295, 2408.00118, 2503.19786)."""

from __future__ import annotations

import zoo


@zoo.hookimpl
def zoo_architectures() -> list[zoo.Architecture]:
    from zoo_gemma.config import Gemma2Config, Gemma3Config, GemmaConfig
    from zoo_gemma.weights import transformers_layout

    return [
        zoo.decoder_architecture("gemma", GemmaConfig, transformers_layout, "Gemma"),
        zoo.decoder_architecture("gemma2", Gemma2Config, transformers_layout, "Gemma2"),
        zoo.decoder_architecture(
            "gemma3_text", Gemma3Config, transformers_layout, "Gemma3Text", generator="Gemma3ForCausalLM"
        ),
    ]
