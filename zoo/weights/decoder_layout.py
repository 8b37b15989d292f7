"""The layout that transformers gives every decoder, up to the names of its norms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.weights.layout import Layout, Rule, without_prefix
from zoo.weights.reader import Checkpoint
from zoo.weights.tying import is_untied

if TYPE_CHECKING:
    from zoo.nn import DecoderConfig

_PREFIX = "model."
_LAYER = "model.layers.{i}"
_LINEAR = {
    "self_attn.q_proj": "attention/query",
    "self_attn.k_proj": "attention/key",
    "self_attn.v_proj": "attention/value",
    "self_attn.o_proj": "attention/output",
    "mlp.gate_proj": "mlp/gate",
    "mlp.up_proj": "mlp/up",
    "mlp.down_proj": "mlp/down",
}
_TOKENS = "embed_tokens.weight"
_LM_HEAD = "lm_head.weight"
_IGNORE = {
    "*.rotary_emb.inv_freq": "a buffer, computed from the config",
    "score.weight": "a classifier, which this task does not use",
}


PRE_NORMS = {"input_layernorm": "attention_norm", "post_attention_layernorm": "mlp_norm"}
"""The norms of a layer that has one before each of its halves."""


def decoder_layout(task: str, norms: Mapping[str, str] = PRE_NORMS, *, tied: bool) -> Layout:
    """The layout of a `zoo.nn.Decoder` for one task: transformers' names for its parts.

    Args:
        norms: `{a norm's name in a layer of the checkpoint: its path in a block of the model}`.
        tied: the token embeddings are the output layer's matrix, too.
    """
    rules = [
        Rule(f"{_PREFIX}{_TOKENS}", "backbone/tokens/embeddings"),
        Rule("model.norm.weight", "backbone/norm/scale"),
    ]
    for tensor, variable in norms.items():
        rules.append(Rule(f"{_LAYER}.{tensor}.weight", f"backbone/layer_{{i}}/{variable}/scale"))
    for tensor, variable in _LINEAR.items():
        rules.append(Rule(f"{_LAYER}.{tensor}.weight", f"backbone/layer_{{i}}/{variable}/kernel"))
        rules.append(Rule(f"{_LAYER}.{tensor}.bias", f"backbone/layer_{{i}}/{variable}/bias"))
    ignore = dict(_IGNORE)
    if task == "text-generation" and not tied:
        rules.append(Rule(_LM_HEAD, "head/decoder/kernel"))
    else:
        ignore[_LM_HEAD] = (
            "tied to the token embeddings" if tied else "the output layer, which this task does not use"
        )
    if task == "text-classification":
        del ignore["score.weight"]
        rules.append(Rule("score.weight", "head/classifier/kernel"))
    bare = without_prefix(rules, _PREFIX) if task == "feature-extraction" else tuple(rules)
    return Layout(bare, ignore, _PREFIX, fresh=("head/*",), labelled=("head/classifier/*",))


def infer_tying(config: DecoderConfig, task: str, checkpoint: Checkpoint) -> DecoderConfig:
    """The config of a decoder as its tensors have it: with an output layer of its own, where that differs."""
    if task == "text-generation" and is_untied(checkpoint, (f"{_PREFIX}{_TOKENS}", _TOKENS), _LM_HEAD):
        return config.replace(tie_word_embeddings=False)
    return config
