"""A decoder small enough to be made on the spot, with a tokenizer of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

CONFIG = {
    "vocab_size": 384,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
}


def tiny_decoder(
    folder: str | Path,
    texts: Iterable[str],
    *,
    architecture: str = "llama",
    generation_config: dict[str, Any] | None = None,
    chat_template: str = "",
    special: Sequence[str] = (),
    seed: int = 0,
    **config: Any,
) -> Path:
    """Write a checkpoint: random weights, and a byte-level tokenizer learned from `texts`, in a new directory.

    Args:
        architecture: one that serves text-generation.
        generation_config: the content of a `generation_config.json`, if it is to have one.
        chat_template: the content of a `chat_template.jinja`, if it is to have one.
        special: special tokens beside `<pad>`, `<bos>` and `<eos>`, such as those of a chat template.
        config: what differs from `CONFIG`.

    Returns the directory, for `zoo.load`.
    """
    import json

    from zoo.data.vocabulary import learn_tokenizer
    from zoo.loading import build, described

    found = described(architecture, {**CONFIG, **config})
    model = build(found, task="text-generation", weights="random", seed=seed)
    model.preprocess = learn_tokenizer(texts, model.config, special)
    if chat_template:
        model.use_chat_template(chat_template)
    model.save_pretrained(folder)
    if generation_config is not None:
        Path(folder, "generation_config.json").write_text(json.dumps(generation_config), encoding="utf-8")
    return Path(folder)
