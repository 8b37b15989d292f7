"""Llama against transformers, run live, over the options of its config."""

from __future__ import annotations

import json

import numpy as np
import pytest

import zoo
from tests.references.decoders import (
    DYNAMIC,
    LLAMA3,
    LONGROPE,
    YARN,
    generated,
    outputs,
    padded,
    reference,
    save_decoder,
)

GRID = [
    {},
    {"head_dim": None},
    {"num_key_value_heads": None, "num_attention_heads": 8, "head_dim": 4},
    {"num_key_value_heads": 1, "head_dim": 10},
    {"attention_bias": True, "mlp_bias": True},
    {"tie_word_embeddings": True, "hidden_act": "gelu"},
    {"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}},
    {"rope_parameters": {"rope_type": "linear", "rope_theta": 50.0, "factor": 3.0}},
    {"rope_parameters": DYNAMIC},
    {"rope_parameters": LLAMA3},
    {"rope_parameters": YARN},
    {"rope_parameters": {"rope_type": "yarn", "rope_theta": 90.0, "factor": 4.0}},
    {"rope_parameters": {**YARN, "beta_fast": 4, "beta_slow": 0.5, "truncate": False}},
    {"rope_parameters": {**YARN, "attention_factor": 1.3}},
    {"rope_parameters": {**YARN, "mscale": 0.7, "mscale_all_dim": 1.2}},
    {"rope_parameters": LONGROPE},
    {"rope_parameters": {**LONGROPE, "original_max_position_embeddings": 24, "factor": 3.0}},
    {"rope_parameters": {**LONGROPE, "original_max_position_embeddings": 23, "factor": 0.5}},
    {"rope_parameters": {**LONGROPE, "original_max_position_embeddings": 100, "attention_factor": 1.2}},
    {"rope_parameters": {name: value for name, value in LONGROPE.items() if "original" not in name}},
    {"rms_norm_eps": 1e-2, "num_hidden_layers": 5},
]

NEW = 24  # tokens: with the prompt beyond the contexts of 23 to 40 tokens that are stretched


@pytest.mark.parametrize("options", GRID, ids=str)
def test_every_option_gives_the_references_logits_and_tokens(options, tmp_path):
    rng = np.random.default_rng(3)
    prompts = [rng.integers(3, 100, n) for n in (24, 13, 4)]
    folder = save_decoder(tmp_path / "made", "Llama", **options)
    model, theirs = zoo.load(folder), reference(folder)
    right, left = padded(prompts, side="right"), padded(prompts)

    gap = np.abs(np.asarray(model(right)) - outputs(theirs, right))

    assert gap[right["attention_mask"].astype(bool)].max() <= 1e-5
    assert model.generate(left, max_new_tokens=NEW) == generated(theirs, left, max_new_tokens=NEW)


@pytest.mark.parametrize("penalty", [1.3, 0.8])
def test_a_repetition_penalty_takes_the_references_tokens(penalty, tmp_path):
    rng = np.random.default_rng(3)
    prompts = [rng.integers(3, 100, n) for n in (24, 13, 4)]
    folder = save_decoder(tmp_path / "made", "Llama")
    model, rows = zoo.load(folder), padded(prompts)

    found = model.generate(rows, max_new_tokens=64, repetition_penalty=penalty)

    assert found == generated(reference(folder), rows, max_new_tokens=64, repetition_penalty=penalty)
    assert found != model.generate(rows, max_new_tokens=64)
    assert model.generate(padded(prompts[2:]), max_new_tokens=64, repetition_penalty=penalty) == found[2:]


def test_what_is_saved_the_reference_reads(tmp_path):
    arrays = padded([np.arange(3, 20)])
    folder = save_decoder(tmp_path / "made", "Llama", rope_parameters=LLAMA3)

    zoo.load(folder).save_pretrained(tmp_path / "saved")

    assert (outputs(reference(tmp_path / "saved"), arrays) == outputs(reference(folder), arrays)).all()
    before, after = (json.loads((where / "config.json").read_text()) for where in (folder, tmp_path / "saved"))
    assert before == after


def test_shards_and_one_that_is_missing(tmp_path):
    arrays = padded([np.arange(3, 20)])
    model = zoo.load(save_decoder(tmp_path / "made", "Llama"))
    model.save_pretrained(tmp_path / "saved", max_shard_size="20KB")
    shards = sorted((tmp_path / "saved").glob("model-*-of-*.safetensors"))
    assert len(shards) > 2
    np.testing.assert_array_equal(zoo.load(tmp_path / "saved")(arrays), model(arrays))

    shards[1].unlink()

    with pytest.raises(zoo.ZooError, match=shards[1].name):
        zoo.load(tmp_path / "saved")


def test_the_spelling_of_transformers_4(tmp_path):
    arrays = padded([np.arange(3, 40)])
    folder = save_decoder(tmp_path / "made", "Llama", rope_parameters=LLAMA3)
    theirs = outputs(reference(folder), arrays)
    config = json.loads((folder / "config.json").read_text())
    scaling = config.pop("rope_parameters")
    config |= {"rope_theta": scaling.pop("rope_theta"), "rope_scaling": scaling}
    (folder / "config.json").write_text(json.dumps(config))

    assert np.abs(np.asarray(zoo.load(folder)(arrays)) - theirs).max() <= 1e-5


def test_of_both_spellings_the_references_is_taken(tmp_path):
    arrays = padded([np.arange(3, 40)])
    folder = save_decoder(tmp_path / "made", "Llama", rope_parameters=LLAMA3)
    before = np.asarray(zoo.load(folder)(arrays))
    config = json.loads((folder / "config.json").read_text())
    config |= {"rope_theta": 70.0, "rope_scaling": {"rope_type": "linear", "factor": 3.0}}
    (folder / "config.json").write_text(json.dumps(config))

    ours = np.asarray(zoo.load(folder)(arrays))

    assert np.abs(ours - outputs(reference(folder), arrays)).max() <= 1e-5
    assert np.abs(ours - before).max() > 1e-3


@pytest.mark.parametrize("causal", [False, None])
def test_a_decoder_that_sees_what_comes_next_is_refused(causal, tmp_path):
    folder = save_decoder(tmp_path / "made", "Llama")
    config = json.loads((folder / "config.json").read_text()) | {"is_causal": causal}
    (folder / "config.json").write_text(json.dumps(config))

    with pytest.raises(zoo.ZooError, match=f"is_causal = {causal} is not supported"):
        zoo.load(folder)


@pytest.mark.optimized
@pytest.mark.parametrize("scaling", [LONGROPE, YARN, LLAMA3], ids=lambda scaling: scaling["rope_type"])
def test_the_original_context_beside_the_scaling_comes_first(scaling, tmp_path):
    arrays = padded([np.arange(3, 40)])
    folder = save_decoder(tmp_path / "made", "Llama", rope_parameters=scaling)
    before = np.asarray(zoo.load(folder)(arrays))
    config = json.loads((folder / "config.json").read_text()) | {"original_max_position_embeddings": 8}
    (folder / "config.json").write_text(json.dumps(config))

    ours = np.asarray(zoo.load(folder)(arrays))

    assert np.abs(ours - outputs(reference(folder), arrays)).max() <= 1e-5
    assert np.abs(ours - before).max() > 1e-3
