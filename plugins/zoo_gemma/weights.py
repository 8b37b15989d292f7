"""The layout of Gemma checkpoints as transformers writes them."""

from __future__ import annotations

from zoo.weights import PRE_NORMS, Layout, decoder_layout
from zoo_gemma.config import GemmaConfig

# From Gemma 2 on "post_attention_layernorm" is what its name says, and no longer the norm before the perceptron.
_POST_NORMS = {
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "attention_post_norm",
    "pre_feedforward_layernorm": "mlp_norm",
    "post_feedforward_layernorm": "mlp_post_norm",
}
_QUERY_KEY_NORMS = {"self_attn.q_norm": "attention/query_norm", "self_attn.k_norm": "attention/key_norm"}


def transformers_layout(config: GemmaConfig, task: str) -> Layout:
    spec = config.spec
    norms = _POST_NORMS if spec.post_norms else PRE_NORMS
    if spec.query_key_norms:
        norms = {**norms, **_QUERY_KEY_NORMS}
    return decoder_layout(task, norms, tied=spec.tied)
