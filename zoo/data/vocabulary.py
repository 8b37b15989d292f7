"""A tokenizer for a model that has none yet, learned from the texts it will be trained on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from zoo.data.text import TextPreprocessor, first_token, text_preprocessor
from zoo.errors import ZooError
from zoo.hub.files import local_files

_SPECIAL = {"pad": "<pad>", "bos": "<bos>", "eos": "<eos>"}


def learn_tokenizer(texts: Iterable[str], config: Any, extra: Sequence[str] = ()) -> TextPreprocessor:
    """Byte-level BPE (https://arxiv.org/abs/1508.07909) with as many tokens as `config.vocab_size` at most.

    A text begins with `<bos>`; the special tokens have the ids that the config gives them, which are the first.

    Args:
        extra: more special tokens, such as those of a chat template.

    Raises a ZooError where the config leaves no room for the bytes, or gives a special token another place.
    """
    ids = {name: first_token(getattr(config, f"{name}_token_id", None)) for name in _SPECIAL}
    free = [n for n in range(len(ids)) if n not in ids.values()]
    places = {name: free.pop(0) if given is None else given for name, given in ids.items()}
    if sorted(places.values()) != list(range(len(places))):
        raise ZooError(
            "A tokenizer learned for this model has its special tokens first, and the config does not.",
            why=", ".join(f"{name}_token_id = {given}" for name, given in ids.items()),
            fix="Leave them out of model.config, or give them 0, 1 and 2.",
        )
    fewest = len(places) + len(extra) + 256
    if config.vocab_size < fewest:
        raise ZooError(
            f"vocab_size = {config.vocab_size} leaves no room for the 256 bytes that texts are made of.",
            fix=f"Set model.config.vocab_size to {fewest} at least.",
        )
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocab_size,
        special_tokens=[*sorted(_SPECIAL.values(), key=lambda token: places[token.strip("<>")]), *extra],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    begin = _SPECIAL["bos"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A", pair=f"{begin} $A $B", special_tokens=[(begin, tokenizer.token_to_id(begin))]
    )
    settings = {f"{name}_token": token for name, token in _SPECIAL.items()}
    settings |= {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config.max_position_embeddings,
        "clean_up_tokenization_spaces": False,
    }
    with TemporaryDirectory() as folder:
        Path(folder, "tokenizer.json").write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
        Path(folder, "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        made = text_preprocessor(local_files(Path(folder)), config)
    assert made is not None
    return made
