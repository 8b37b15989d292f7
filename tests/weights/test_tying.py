"""Decoders whose output layer's matrix differs from the token embeddings, whatever their config says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

import zoo
from tests.references.decoders import outputs, padded, reference, save_decoder

WORDS, HEAD = "model.embed_tokens.weight", "lm_head.weight"


@pytest.mark.parametrize("family", ["Llama", "Gemma2"])
@pytest.mark.parametrize("differs", [True, False])
def test_an_output_layer_of_other_numbers_is_not_tied(family, differs, tmp_path):
    arrays = padded([np.arange(3, 30)])
    folder = save_decoder(tmp_path / "made", family, tie_word_embeddings=True)
    tensors = load_file(folder / "model.safetensors")
    assert HEAD not in tensors
    tensors[HEAD] = tensors[WORDS].flip(0).contiguous() if differs else tensors[WORDS].clone()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    theirs = outputs(reference(folder), arrays)

    model = zoo.load(folder)
    model.save_pretrained(tmp_path / "saved")

    assert model.config.tie_word_embeddings is not differs
    assert np.abs(np.asarray(model(arrays)) - theirs).max() <= 1e-5
    assert (HEAD in load_file(tmp_path / "saved" / "model.safetensors")) == differs
    saved = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert saved.get("tie_word_embeddings", True) is not differs
    assert np.abs(outputs(reference(tmp_path / "saved"), arrays) - theirs).max() <= 1e-5


def test_other_tasks_leave_the_output_layer_unread(tmp_path):
    folder = save_decoder(tmp_path / "made", "Llama", tie_word_embeddings=True)
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors | {HEAD: tensors[WORDS].flip(0).contiguous()}, folder / "model.safetensors")

    model = zoo.load(folder, task="text-classification", labels=["no", "yes"])

    assert model.config.tie_word_embeddings is True
