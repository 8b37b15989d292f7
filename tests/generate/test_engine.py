"""What generation keeps between its steps: of a window no more than the window, and in one place."""

from __future__ import annotations

import jax
import numpy as np

import zoo
from tests.references.decoders import save_decoder
from zoo.generate.engine import bucket

WINDOW, PROMPT, NEW = 6, 20, 12


def test_a_window_keeps_its_tokens_alone_and_the_cache_is_written_where_it_lies(tmp_path, monkeypatch):
    kinds = ["sliding_attention", "full_attention", "sliding_attention"]
    config = {"num_hidden_layers": 3, "layer_types": kinds, "sliding_window": WINDOW}
    model = zoo.load(save_decoder(tmp_path / "made", "Gemma2", **config))
    model.generation_config = {}  # no token ends it
    engine, slots, places = model._engine(), [], []
    step = engine._next

    def watched(logits, pairs, cache, *rest, **shape):
        layers = jax.tree.leaves(cache["layers"])
        before = {array.unsafe_buffer_pointer() for array in layers}
        found = step(logits, pairs, cache, *rest, **shape)
        assert all(array.is_deleted() for array in layers)
        slots.append([key.shape[2] for key, _ in found[1]["layers"]])
        places.append((before, {array.unsafe_buffer_pointer() for array in jax.tree.leaves(found[1]["layers"])}))
        return found

    monkeypatch.setattr(engine, "_next", watched)
    (ids,) = model.generate({"input_ids": np.arange(3, 3 + PROMPT)[None]}, max_new_tokens=NEW)

    assert len(ids) == NEW
    assert slots == [[WINDOW, bucket(bucket(PROMPT) + NEW), WINDOW]] * (NEW - 1)
    assert all(before == after for before, after in places)
