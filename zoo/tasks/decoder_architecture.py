"""The record of an architecture that is a `zoo.nn.Decoder`, and so serves what decoders serve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.data.text import text_preprocessor
from zoo.nn import Decoder, Features, LastTokenClassifier, TokenLogits
from zoo.registry.records import Architecture, Head
from zoo.weights import infer_tying


def decoder_architecture(
    name: str, config: type, layout: Callable[[Any, str], Any], reference: str, *, generator: str = ""
) -> Architecture:
    """A family of decoders, with its checkpoints as transformers writes them.

    Args:
        name: the name in the plugin's manifest.
        config: derived from `zoo.nn.DecoderConfig`.
        layout: `(config, task) -> zoo.weights.Layout`, most often made by `zoo.weights.decoder_layout`.
        reference: what transformers' class names begin with, as "Llama" in `LlamaForSequenceClassification`.
        generator: the class that generates, where its name does not begin so.
    """
    return Architecture(
        name=name,
        config=config,
        backbone=Decoder,
        heads={
            "text-generation": Head(TokenLogits, (generator or f"{reference}ForCausalLM",)),
            "text-classification": Head(LastTokenClassifier, (f"{reference}ForSequenceClassification",)),
            "feature-extraction": Head(Features, (f"{reference}Model",)),
        },
        layouts={"transformers": layout},
        preprocessor=text_preprocessor,
        infer=infer_tying,
    )
