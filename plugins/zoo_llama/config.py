"""Llama's config. Reference: transformers/models/llama/configuration_llama.py"""

from __future__ import annotations

from dataclasses import dataclass

from zoo.nn import DecoderConfig, DecoderLayerSpec, DecoderSpec


@dataclass(frozen=True)
class LlamaConfig(DecoderConfig):
    hidden_act: str = "silu"
    mlp_bias: bool = False
    tie_word_embeddings: bool = False
    bos_token_id: int | None = 1
    eos_token_id: int | list | None = 2

    @property
    def spec(self) -> DecoderSpec:
        layer = DecoderLayerSpec(self.ropes["full_attention"])
        return DecoderSpec(
            vocab_size=self.vocab_size,
            dim=self.hidden_size,
            heads=self.num_attention_heads,
            kv_heads=self.kv_heads,
            head_dim=self.size_of_head,
            mlp_dim=self.intermediate_size,
            layers=(layer,) * self.num_hidden_layers,
            activation=self.hidden_act,
            epsilon=self.rms_norm_eps,
            scale=self.size_of_head**-0.5,
            max_positions=self.max_position_embeddings,
            stddev=self.initializer_range,
            dropout=self.attention_dropout,
            attention_bias=self.attention_bias,
            mlp_bias=self.mlp_bias,
            tied=self.tie_word_embeddings,
        )
