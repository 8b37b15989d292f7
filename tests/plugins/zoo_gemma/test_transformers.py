"""Gemma 1, 2 and 3 against transformers, run live, over the options of their configs."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

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

WINDOW = {"sliding_window": 5, "query_pre_attn_scalar": 20}
MIXED = {"layer_types": ["full_attention", "sliding_attention"]}
SCALED = {
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5e5},
    "sliding_attention": {"rope_type": "default", "rope_theta": 3e3},
}
LOCAL = {**LONGROPE, "rope_theta": 30.0, "factor": 2.0, "original_max_position_embeddings": 50}
LONG = {
    "Gemma": {"rope_parameters": LONGROPE},
    "Gemma2": {**WINDOW, "rope_parameters": LONGROPE},
    "Gemma3Text": {
        **WINDOW,
        **MIXED,
        "rope_parameters": {"full_attention": LONGROPE, "sliding_attention": LOCAL},
    },
}
GRID = [
    ("Gemma", {}),
    ("Gemma", {"num_key_value_heads": 1}),
    ("Gemma", {"num_key_value_heads": 4, "head_dim": 16}),
    ("Gemma", {"hidden_act": "gelu"}),
    ("Gemma", {"hidden_act": "silu", "rms_norm_eps": 1e-2, "attention_bias": True}),
    ("Gemma", {"tie_word_embeddings": False, "rope_parameters": {"rope_type": "default", "rope_theta": 77.0}}),
    ("Gemma", {"attention_dropout": 0.3}),
    ("Gemma", {"rope_parameters": LLAMA3}),
    ("Gemma2", WINDOW),
    ("Gemma2", {**WINDOW, "sliding_window": 1}),
    ("Gemma2", {**WINDOW, "attn_logit_softcapping": None, "final_logit_softcapping": None}),
    ("Gemma2", {**WINDOW, "attn_logit_softcapping": 0.7, "final_logit_softcapping": 1.3}),
    ("Gemma2", {**WINDOW, **MIXED}),
    ("Gemma2", {**WINDOW, "hidden_activation": "gelu", "num_key_value_heads": 1, "tie_word_embeddings": False}),
    ("Gemma2", {**WINDOW, "rope_parameters": YARN}),
    ("Gemma3Text", {**WINDOW, "num_hidden_layers": 7}),
    ("Gemma3Text", {**WINDOW, **MIXED, "rope_parameters": {"full_attention": YARN, "sliding_attention": DYNAMIC}}),
    (
        "Gemma3Text",
        {**WINDOW, **MIXED, "rope_parameters": {"full_attention": DYNAMIC, "sliding_attention": LLAMA3}},
    ),
    ("Gemma3Text", {**WINDOW, "num_hidden_layers": 3, "rope_parameters": SCALED, "layer_types": None}),
    ("Gemma3Text", {**WINDOW, **MIXED, "rope_parameters": SCALED}),
    ("Gemma3Text", {**WINDOW, "use_bidirectional_attention": True}),
    ("Gemma3Text", {**WINDOW, "attn_logit_softcapping": 0.9, "final_logit_softcapping": 2.0}),
    ("Gemma3Text", {**WINDOW, "attention_bias": True, "num_key_value_heads": 4, "tie_word_embeddings": False}),
]


NEW = 24  # tokens: with the prompt beyond every window, and the contexts of 40 tokens that are stretched


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(3)
    return padded([rng.integers(3, 100, n) for n in (24, 13, 4)], side="right")


@pytest.fixture(scope="module")
def prompts():
    rng = np.random.default_rng(4)
    return [rng.integers(3, 100, n) for n in (20, 7, 1)]


@pytest.mark.parametrize(("family", "options"), GRID, ids=str)
def test_every_option_gives_the_references_logits_and_tokens(family, options, tmp_path, arrays, prompts):
    folder = save_decoder(tmp_path / "made", family, **options)
    model, theirs, rows = zoo.load(folder), reference(folder), padded(prompts)

    gap = np.abs(np.asarray(model(arrays)) - outputs(theirs, arrays))[arrays["attention_mask"].astype(bool)]
    assert gap.max() <= 1e-5

    if "use_bidirectional_attention" not in options:
        # With a window of one token the reference's cache shows more: its text differs from its own without one.
        cached = options.get("sliding_window") != 1
        assert model.generate(rows, max_new_tokens=NEW) == generated(
            theirs, rows, max_new_tokens=NEW, use_cache=cached
        )


@pytest.mark.optimized
@pytest.mark.parametrize("family", ["Gemma", "Gemma2", "Gemma3Text"])
def test_programs_as_users_get_them_give_the_same(family, tmp_path, arrays, prompts):
    """Padded on either side, and alone: in a row more of a batch, or of another length."""
    folder = save_decoder(tmp_path / "made", family, **({} if family == "Gemma" else WINDOW))
    model, theirs = zoo.load(folder), reference(folder)

    gap = np.abs(np.asarray(model(arrays)) - outputs(theirs, arrays))[arrays["attention_mask"].astype(bool)]
    assert gap.max() <= 1e-5

    tokens = generated(theirs, padded(prompts), max_new_tokens=64)
    assert model.generate(padded(prompts), max_new_tokens=64) == tokens
    assert model.generate(padded(prompts, side="right"), max_new_tokens=64) == tokens
    assert model.generate(padded(prompts[1:2]), max_new_tokens=64) == tokens[1:2]


def test_what_cannot_be_computed_is_told_with_a_way(tmp_path):
    model = zoo.load(save_decoder(tmp_path / "made", "Gemma3Text", **WINDOW, use_bidirectional_attention=True))
    rows = padded([np.arange(3, 6)])

    with pytest.raises(zoo.ZooError, match="sees what comes next") as asked:
        model.generate(rows)
    with pytest.raises(zoo.ZooError, match="have 161 tokens, and the model has 160 positions") as long:
        model({"input_ids": np.zeros((1, 161), np.int32)})

    assert "task='feature-extraction'" in asked.value.fix
    assert "Cut the rows" in long.value.fix
    assert zoo.load(tmp_path / "made", task="feature-extraction")(rows).shape == (1, 3, 32)


@pytest.mark.parametrize(("family", "options"), LONG.items(), ids=str)
def test_longrope_takes_the_other_numbers_where_the_reference_does(family, options, tmp_path):
    folder = save_decoder(tmp_path / "made", family, **options)
    model, theirs = zoo.load(folder), reference(folder)
    prompts = [np.random.default_rng(5).integers(3, 100, n) for n in (30, 36, 3)]

    for length in (40, 41, 51):
        rows = padded([np.arange(3, 3 + length), *prompts], side="right")
        gap = np.abs(np.asarray(model(rows)) - outputs(theirs, rows))
        assert gap[rows["attention_mask"].astype(bool)].max() <= 1e-5
    for rows in (prompts, prompts[2:]):
        ours = model.generate(padded(rows), max_new_tokens=64)
        assert ours == generated(theirs, padded(rows), max_new_tokens=64)


def test_padding_and_neighbours_in_a_packed_row_make_no_text_longer(tmp_path):
    model = zoo.load(save_decoder(tmp_path / "made", "Gemma3Text", **LONG["Gemma3Text"]))
    texts = [np.arange(3, 33), np.arange(40, 60)]
    apart = padded(texts, side="right")
    kept = apart["attention_mask"].astype(bool)
    wide = {name: np.pad(array, ((0, 0), (0, 34))) for name, array in apart.items()}
    packed = {
        "input_ids": np.concatenate(texts).astype(np.int32)[None],
        "segment_ids": np.repeat([1, 2], [30, 20]).astype(np.int32)[None],
        "position_ids": np.concatenate([np.arange(30), np.arange(20)]).astype(np.int32)[None],
    }

    wanted = np.asarray(model(apart))[kept]

    assert np.abs(np.asarray(model(wide))[:, :30][kept] - wanted).max() <= 1e-5
    assert np.abs(np.asarray(model(packed))[0] - wanted).max() <= 1e-5


@pytest.mark.parametrize("family", ["Gemma", "Gemma2", "Gemma3Text"])
@pytest.mark.parametrize(
    ("kind", "auto"), [("Model", "AutoModel"), ("ForSequenceClassification", "AutoModelForSequenceClassification")]
)
def test_other_tasks(family, kind, auto, tmp_path, arrays):
    options = {} if family == "Gemma" else WINDOW
    labels = {"id2label": {0: "no", 1: "maybe", 2: "yes"}} if "Classification" in kind else {}
    folder = save_decoder(tmp_path / "made", family, kind, **options, **labels)
    rows = arrays["attention_mask"].astype(bool) if kind == "Model" else slice(None)

    model = zoo.load(folder)
    model.save_pretrained(tmp_path / "saved")

    for where in (folder, tmp_path / "saved"):
        gap = np.abs(np.asarray(model(arrays)) - outputs(reference(where, auto), arrays))
        assert gap[rows].max() <= 1e-5


@pytest.mark.parametrize("family", ["Gemma", "Gemma2", "Gemma3Text"])
def test_what_is_saved_the_reference_reads(family, tmp_path, arrays):
    options = {} if family == "Gemma" else WINDOW
    folder = save_decoder(tmp_path / "made", family, **options)

    zoo.load(folder).save_pretrained(tmp_path / "saved")

    assert (outputs(reference(tmp_path / "saved"), arrays) == outputs(reference(folder), arrays)).all()
    before, after = (json.loads((where / "config.json").read_text()) for where in (folder, tmp_path / "saved"))
    assert before == after


def test_the_spelling_of_transformers_4(tmp_path, arrays):
    folder = save_decoder(tmp_path / "made", "Gemma3Text", **WINDOW, rope_parameters=SCALED, num_hidden_layers=4)
    config = json.loads((folder / "config.json").read_text())
    for key in ("rope_parameters", "layer_types", "head_dim"):
        config.pop(key)
    config |= {
        "head_dim": 8,
        "sliding_window_pattern": 6,
        "rope_theta": 5e5,
        "rope_local_base_freq": 3e3,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    }
    theirs = outputs(reference(folder), arrays)
    (folder / "config.json").write_text(json.dumps(config))

    ours = np.asarray(zoo.load(folder)(arrays))

    assert np.abs(ours - theirs)[arrays["attention_mask"].astype(bool)].max() <= 1e-5


def test_of_both_spellings_the_references_is_taken(tmp_path, arrays):
    folder = save_decoder(tmp_path / "made", "Gemma3Text", **WINDOW, rope_parameters=SCALED, num_hidden_layers=6)
    before = np.asarray(zoo.load(folder)(arrays))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"rope_scaling": {"factor": 2.0}}))

    ours = np.asarray(zoo.load(folder)(arrays))

    kept = arrays["attention_mask"].astype(bool)
    assert np.abs(ours - outputs(reference(folder), arrays))[kept].max() <= 1e-5
    assert np.abs(ours - before)[kept].max() > 1e-4


def test_long_rows_are_computed_in_chunks(tmp_path, arrays, monkeypatch):
    folder = save_decoder(tmp_path / "made", "Gemma2", **WINDOW, num_hidden_layers=2)
    model = zoo.load(folder)
    wanted = model.generate(arrays, max_new_tokens=6)
    monkeypatch.setattr("zoo.nn.kernels.LONG", 1)
    monkeypatch.setattr("zoo.nn.chunked_attention._CHUNK", 8)

    gap = np.abs(np.asarray(model(arrays)) - outputs(reference(folder), arrays))

    assert gap[arrays["attention_mask"].astype(bool)].max() <= 1e-5
    assert zoo.load(folder).generate(arrays, max_new_tokens=6) == wanted


def test_packed_rows_see_only_themselves(tmp_path, arrays):
    model = zoo.load(save_decoder(tmp_path / "made", "Gemma3Text", **WINDOW, num_hidden_layers=7))
    ids, mask = arrays["input_ids"], arrays["attention_mask"].astype(bool)
    lengths = mask.sum(axis=1)
    packed = {
        "input_ids": ids[mask][None],
        "segment_ids": np.repeat([1, 2, 3], lengths).astype(np.int32)[None],
        "position_ids": np.concatenate([np.arange(n) for n in lengths]).astype(np.int32)[None],
    }

    gap = np.asarray(model(packed))[0] - np.asarray(model(arrays))[mask]
    assert np.abs(gap).max() <= 1e-5


def test_the_embeddings_scale_is_rounded_to_the_arithmetic(tmp_path, arrays):
    folder = save_decoder(tmp_path / "made", "Gemma", hidden_size=40)
    model = zoo.load(folder, dtype="bfloat16", task="feature-extraction")
    theirs = reference(folder, "AutoModel").to(torch.bfloat16)
    hidden = theirs.embed_tokens(torch.from_numpy(arrays["input_ids"]).long())
    scale = model.backbone.spec.embedding_scale

    ours = np.asarray(model.backbone.tokens(arrays["input_ids"]) * np.asarray(scale, "bfloat16"), np.float32)
    np.testing.assert_array_equal(ours, hidden.float().detach().numpy())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"layer_types": ["full_attention"]}, "layer_types names 1 layers, and num_hidden_layers = 2"),
        ({"layer_types": []}, "layer_types names 0 layers, and num_hidden_layers = 2"),
        ({"is_causal": False}, "is_causal = False is not supported"),
        ({"layer_types": ["full_attention", "sparse"]}, "layer_types has 'sparse'"),
        ({"sliding_window": None}, "layer_types has layers with a window, and there is no sliding_window"),
        ({"sliding_window": 0}, "sliding_window = 0 is not positive"),
        ({"num_key_value_heads": 3}, "not a multiple of num_key_value_heads = 3"),
        ({"head_dim": 7}, "head_dim = 7 cannot be"),
        ({"rope_parameters": {"rope_type": "axial"}}, "rope_type = 'axial' is not supported"),
        ({"rope_parameters": {**LONGROPE, "long_factor": [1.0]}}, "long_factor has 1 number, .* a list of 4"),
        ({"final_logit_softcapping": -1.0}, "final_logit_softcapping = -1.0 is not positive"),
    ],
    ids=str,
)
def test_a_config_that_contradicts_itself(change, told, tmp_path):
    folder = save_decoder(tmp_path / "made", "Gemma2", **WINDOW)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))

    with pytest.raises(zoo.ZooError, match=told):
        zoo.load(folder)
