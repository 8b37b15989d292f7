"""A tokenizer learned from texts: lossless, the same every time, and read by transformers as it is by zoo."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from tests.suite.properties import examples
from zoo.data.vocabulary import learn_tokenizer

TEXTS = ["The horn of plenty overflows.", "Größe und Maß", "東京の天気"] * 10


def config(**changes):
    ids = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}
    return SimpleNamespace(**{"vocab_size": 300, "max_position_embeddings": 64, **ids, **changes})


@pytest.fixture(scope="module")
def learned():
    return learn_tokenizer(TEXTS, config())


@settings(max_examples=examples(200), deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(lambda text: "<" not in text))
def test_every_text_comes_back(learned, text):
    ids = learned.encode_batch([text], truncate=False)[0].ids

    assert ids[0] == 2
    assert learned.tokenizer.decode(ids) == text


def test_it_is_the_same_every_time_and_transformers_reads_it(learned, tmp_path):
    assert learn_tokenizer(TEXTS, config()).files == learned.files
    for name, content in learned.files.items():
        (tmp_path / name).write_bytes(content)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)

    assert theirs("Größe plenty").input_ids == learned.encode_batch(["Größe plenty"])[0].ids
    assert (theirs.pad_token_id, theirs.eos_token_id, theirs.bos_token_id) == (0, 1, 2)


def test_special_tokens_are_where_the_config_has_them():
    learned = learn_tokenizer(TEXTS, config(pad_token_id=None, eos_token_id=2, bos_token_id=1))

    assert [learned.tokenizer.id_to_token(n) for n in range(3)] == ["<pad>", "<bos>", "<eos>"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"vocab_size": 200}, "no room for the 256 bytes"), ({"eos_token_id": 9}, "its special tokens first")],
)
def test_a_config_that_it_cannot_be_learned_for(changes, told):
    with pytest.raises(zoo.ZooError, match=told):
        learn_tokenizer(TEXTS, config(**changes))
