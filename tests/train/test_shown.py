"""Training examples as they are shown: every token has a text, and a character of several is whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from zoo.train.shown import Shown, token_texts


@pytest.fixture(scope="module")
def tokenizer():
    """Every byte is a token."""
    vocabulary = {piece: n for n, piece in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    made = Tokenizer(models.BPE(vocabulary, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


@given(text=st.text(st.characters(exclude_characters="\ufffd", exclude_categories=["Cs"])))
def test_the_texts_together_are_the_text(tokenizer, text):
    ids = tokenizer.encode(text).ids
    texts = token_texts(tokenizer, ids)

    assert len(texts) == len(ids) == len(text.encode())
    assert "".join(texts) == text
    assert [one for one in texts if one] == list(text)


def test_bytes_that_are_no_character_are_shown_by_their_names(tokenizer):
    broken = tokenizer.encode("a葡b").ids
    del broken[2]

    texts = token_texts(tokenizer, broken)
    assert (len(texts), texts[0], texts[-1]) == (4, "a", "b")
    assert all(texts[1:3])
    assert "\ufffd" not in "".join(texts)


def test_a_token_whose_character_is_not_whole_yet_is_a_dot():
    shown = Shown(1, [1, 2, 3, 4], ["", "Ä", " ", "x"], [False, False, True, True])
    assert list(shown.runs()) == [(False, "· Ä"), (True, "▁ x")]
