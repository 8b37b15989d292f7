"""BERT's config: the fields of `config.json` that decide the maths.

Reference: transformers/models/bert/configuration_bert.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.nn import Config, activation_name, inferred


@dataclass(frozen=True)
class BertConfig(Config):
    unsupported: ClassVar = {
        "position_embedding_type": ("absolute", None),
        "is_decoder": (False, None),
        "add_cross_attention": (False, None),
        "pruned_heads": ({}, None),
        "quantization_config": (None,),
        "chunk_size_feed_forward": (0, None),
    }

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = activation_name("gelu")
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    classifier_dropout: float | None = None  # None: as hidden_dropout_prob
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int | None = 0
    tie_word_embeddings: bool = True
    add_pooling_layer: bool = inferred(True)  # whether a bare model has the pooler

    def faults(self) -> list[str]:
        sizes = (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
        )
        found = [f"{name} = {getattr(self, name)} is not positive" for name in sizes if getattr(self, name) < 1]
        rates = ("hidden_dropout_prob", "attention_probs_dropout_prob", "head_dropout")
        found += [
            f"{name} = {getattr(self, name)} is not in [0, 1)" for name in rates if not 0 <= getattr(self, name) < 1
        ]
        if not found and self.hidden_size % self.num_attention_heads:
            found.append(
                f"hidden_size = {self.hidden_size} is not a multiple of "
                f"num_attention_heads = {self.num_attention_heads}"
            )
        return found

    @property
    def head_dropout(self) -> float:
        given = self.classifier_dropout
        return self.hidden_dropout_prob if given is None else given
