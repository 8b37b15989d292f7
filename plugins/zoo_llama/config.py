"""Llama's config. Reference: transformers/models/llama/configuration_llama.py"""

from __future__ import annotations

from dataclasses import dataclass

from zoo.nn import DecoderConfig, DecoderLayerSpec, DecoderSpec, activation_name


@dataclass(frozen=True)
class LlamaConfig(DecoderConfig):
    hidden_act: str = activation_name("silu")
    mlp_bias: bool = False
    tie_word_embeddings: bool = False
    bos_token_id: int | None = 1
    eos_token_id: int | list | None = 2

    @property
    def spec(self) -> DecoderSpec:
        layer = DecoderLayerSpec(self.ropes["full_attention"])
        layers = [layer] * self.num_hidden_layers
        return self.spec_of(layers, self.hidden_act, self.size_of_head**-0.5, mlp_bias=self.mlp_bias)
