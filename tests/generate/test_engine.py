"""What generation keeps between its steps: of a window no more than the window, and in one place."""

from __future__ import annotations

import jax
import numpy as np

import zoo
from tests.references.decoders import save_decoder
from zoo.generate.engine import bucket
from zoo.nn import TraceOnce
from zoo.nn.pure_call import PureCall

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


def test_layers_that_are_alike_are_traced_once_for_a_prompt_and_once_for_a_token(tmp_path, monkeypatch):
    kinds = ["sliding_attention", "full_attention"] * 3
    config = {"num_hidden_layers": 6, "layer_types": kinds, "sliding_window": WINDOW}
    folder = save_decoder(tmp_path / "made", "Gemma2", **config)
    traced, written_down = [], PureCall.written_down
    monkeypatch.setattr(PureCall, "written_down", lambda self: traced.append(self) or written_down(self))

    def run():
        model = zoo.load(folder)
        model.generation_config = {}
        engine = model._engine()
        arrays = {"input_ids": np.arange(3, 3 + PROMPT)[None], "attention_mask": np.ones((1, PROMPT), np.int32)}
        logits, pairs = engine._prefill([v.value for v in model.variables], arrays)
        return model.generate({"input_ids": arrays["input_ids"]}, max_new_tokens=NEW), logits, pairs

    tokens, logits, pairs = run()
    assert len(traced) == 2 * 2 + 2  # prompts of two lengths, with a window and without; caches of two
    monkeypatch.setattr(
        TraceOnce, "run", lambda self, function, variables, like, args, kwargs: function(*args, **kwargs)
    )
    again, other_logits, other_pairs = run()
    assert np.array_equal(tokens, again)
    np.testing.assert_allclose(logits, other_logits, atol=1e-6)
    for one, two in zip(jax.tree.leaves(pairs), jax.tree.leaves(other_pairs), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
    assert len(traced) == 6
