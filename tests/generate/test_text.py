"""Text as it comes: whole characters only, and nothing of a stop text, however the tokens fall."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generate.conftest import SENTENCES
from tests.suite.properties import examples
from zoo.generate.text import Detokenizer, StopTexts


@pytest.mark.parametrize("sentence", sorted(set(SENTENCES)))
@pytest.mark.parametrize("split", [0, 1, 7])
def test_pieces_make_the_whole(sentence, split, model):
    tokenizer = model.preprocess.tokenizer
    ids = model.preprocess.encode_batch([sentence], truncate=False)[0].ids
    split = max(split, 1)
    words = Detokenizer(tokenizer, ids[:split])

    pieces = [words.add(token) for token in ids[split:]]
    pieces.append(words.end())

    assert tokenizer.decode(ids[:split]).rstrip("\ufffd") + "".join(pieces) == sentence
    assert not any("\ufffd" in piece for piece in pieces[:-1])


def test_bytes_that_never_become_a_character_are_told_at_the_end(model):
    tokenizer = model.preprocess.tokenizer
    ids = model.preprocess.encode_batch(["a 👩"], truncate=False)[0].ids[:-1]
    words = Detokenizer(tokenizer, ids[:1])

    pieces = [words.add(token) for token in ids[1:]]

    assert "a ".startswith("".join(pieces))
    assert words.end().endswith("\ufffd")


@pytest.mark.parametrize("prompt", ["a \ufffd", "\ufffd\ufffd"])
@pytest.mark.parametrize("answer", [" horn", "\ufffd", "Größe \ufffd x", "京"])
def test_the_sign_of_a_broken_character_in_a_prompt_is_not_told_again(prompt, answer, model):
    tokenizer = model.preprocess.tokenizer
    before, ids = (tokenizer.encode(text, add_special_tokens=False).ids for text in (prompt, answer))
    assert tokenizer.decode([*before, *ids]) == prompt + answer
    words = Detokenizer(tokenizer, before)

    pieces = [words.add(token) for token in ids]

    assert "".join([*pieces, words.end()]) == answer


letters = st.text("ab\n", max_size=12)


@settings(max_examples=examples(300), deadline=None)
@given(pieces=st.lists(letters, max_size=6), stops=st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3))
def test_a_stop_text_ends_wherever_the_pieces_are_cut(pieces, stops):
    whole = "".join(pieces)
    found = StopTexts(stops)

    told = ""
    for piece in pieces:
        told += found.add(piece)
        if found.found:
            break
    else:
        told += found.end()

    first = min((whole.find(stop) for stop in stops if stop in whole), default=None)
    assert found.found == (first is not None)
    assert told == (whole if first is None else whole[: len(told)])
    assert not any(stop in told for stop in stops)
    if first is None:
        assert told == whole
