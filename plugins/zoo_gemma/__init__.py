"""Gemma 1, 2 and 3, for text (https://arxiv.org/abs/2403.08295, 2408.00118, 2503.19786)."""

from __future__ import annotations

import zoo


@zoo.hookimpl
def zoo_architectures() -> list[zoo.Architecture]:
    from zoo_gemma.config import Gemma2Config, Gemma3Config, GemmaConfig

    return [
        _architecture("gemma", GemmaConfig, "GemmaForCausalLM", "Gemma"),
        _architecture("gemma2", Gemma2Config, "Gemma2ForCausalLM", "Gemma2"),
        _architecture("gemma3_text", Gemma3Config, "Gemma3ForCausalLM", "Gemma3Text"),
    ]


def _architecture(name: str, config: type, generator: str, reference: str) -> zoo.Architecture:
    from zoo.data.text import text_preprocessor
    from zoo.nn import Decoder, Features, LastTokenClassifier, TokenLogits
    from zoo_gemma.weights import transformers_layout

    return zoo.Architecture(
        name=name,
        config=config,
        backbone=Decoder,
        heads={
            "text-generation": zoo.Head(TokenLogits, (generator,)),
            "text-classification": zoo.Head(LastTokenClassifier, (f"{reference}ForSequenceClassification",)),
            "feature-extraction": zoo.Head(Features, (f"{reference}Model",)),
        },
        layouts={"transformers": transformers_layout},
        preprocessor=text_preprocessor,
    )
