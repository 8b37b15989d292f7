"""zoo.nn.decoder_config: the spec that shared keys make, and what a family has otherwise."""

from __future__ import annotations

import pytest

from zoo.nn import Decoder, DecoderConfig, DecoderLayerSpec


class Family(DecoderConfig):
    """Two small layers, with what a test says is otherwise."""

    differs: dict

    @property
    def spec(self):
        return self.spec_of([DecoderLayerSpec(self.ropes["full_attention"])] * 2, "silu", 0.5, **self.differs)


def biased(attention_bias=False, **differs):
    """The names of the projections of a block that have a bias."""
    sizes = {"vocab_size": 9, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2}
    family = type("Family", (Family,), {"differs": differs})
    decoder = Decoder(family(**sizes, attention_bias=attention_bias))
    decoder.build()
    return {variable.path.split("/")[-2] for variable in decoder.weights if variable.name == "bias"}


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ({}, ""),
        ({"attention_bias": True}, "query key value output"),
        ({"attention_bias": True, "output_bias": False}, "query key value"),
        ({"output_bias": True}, "output"),
        ({"mlp_bias": True}, "gate up down"),
    ],
    ids=str,
)
def test_which_projections_have_a_bias(keys, names):
    assert biased(**keys) == {*names.split()}


def test_what_differs_comes_over_the_shared_keys():
    config = type("Family", (Family,), {"differs": {"tied": False, "attention_bias": True, "head_dim": 6}})()
    assert config.tie_word_embeddings
    assert (config.spec.tied, config.spec.attention_bias, config.spec.head_dim) == (False, True, 6)
    assert config.spec.dim == config.hidden_size
    assert not config.spec.output_bias


def test_a_field_that_no_spec_has_is_told():
    with pytest.raises(TypeError, match="attention_biases"):
        biased(attention_biases=True)
