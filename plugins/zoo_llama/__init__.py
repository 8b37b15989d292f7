"""Llama (https://arxiv.org/abs/2302.13971) and what is built like it: Llama 2 and 3, TinyLlama, SmolLM2."""

from __future__ import annotations

import zoo


@zoo.hookimpl
def zoo_architectures() -> list[zoo.Architecture]:
    from zoo.data.text import text_preprocessor
    from zoo.nn import Decoder, Features, LastTokenClassifier, TokenLogits
    from zoo_llama.config import LlamaConfig
    from zoo_llama.weights import transformers_layout

    return [
        zoo.Architecture(
            name="llama",
            config=LlamaConfig,
            backbone=Decoder,
            heads={
                "text-generation": zoo.Head(TokenLogits, ("LlamaForCausalLM",)),
                "text-classification": zoo.Head(LastTokenClassifier, ("LlamaForSequenceClassification",)),
                "feature-extraction": zoo.Head(Features, ("LlamaModel",)),
            },
            layouts={"transformers": transformers_layout},
            preprocessor=text_preprocessor,
        )
    ]
