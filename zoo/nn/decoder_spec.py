"""What tells one family of decoders from another, as data."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.nn.norm import RMSNorm
from zoo.nn.rotary import Rope


@dataclass(frozen=True)
class DecoderLayerSpec:
    """What may differ from layer to layer.

    Args:
        rope: its rotary embedding.
        window: how many tokens it sees, itself included; None for all before it.
    """

    rope: Rope
    window: int | None = None


@dataclass(frozen=True)
class DecoderSpec:
    """A decoder's maths.

    Args:
        layers: one for each block.
        kv_heads: how many heads keys and values have; `heads / kv_heads` queries share one.
        activation: of the gated perceptrons, by transformers' name for it.
        epsilon: what the norms add to the mean square.
        scale: what the attention's scores are multiplied by.
        max_positions: the longest row, in tokens.
        stddev: of the random weights that a model without a checkpoint starts with.
        dropout: of the attention's weights, while training.
        attention_bias: queries, keys and values have biases.
        output_bias: what projects the heads back has one.
        mlp_bias: the three projections of the perceptrons have biases.
        centred_norms: the norms' scales are stored as their distance from one.
        post_norms: a norm after attention and perceptron too, before the residual sum.
        query_key_norms: queries and keys are normalised, head by head.
        embedding_scale: what token embeddings are multiplied by, once it is rounded to the compute dtype.
        attention_soft_cap, logit_soft_cap: what `soft_cap * tanh(x / soft_cap)` keeps scores and logits within.
        tied: the token embeddings are the output layer's matrix, too.
        bidirectional: tokens see those after them as well, and a window reaches both ways; an encoder.
    """

    vocab_size: int
    dim: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp_dim: int
    layers: tuple[DecoderLayerSpec, ...]
    activation: str
    epsilon: float
    scale: float
    max_positions: int
    stddev: float = 0.02
    dropout: float = 0.0
    attention_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    centred_norms: bool = False
    post_norms: bool = False
    query_key_norms: bool = False
    embedding_scale: float = 1.0
    attention_soft_cap: float | None = None
    logit_soft_cap: float | None = None
    tied: bool = True
    bidirectional: bool = False

    def norm(self, name: str) -> RMSNorm:
        return RMSNorm(self.epsilon, centred=self.centred_norms, name=name)
