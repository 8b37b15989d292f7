"""Tokenisation against transformers' own, from each form a checkpoint's tokenizer comes in."""

from __future__ import annotations

import json
import string
from pathlib import Path

import numpy as np
import pytest
import tokenizers
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.suite.properties import examples
from zoo.data.encoded import Encoded
from zoo.data.text import as_list, text_preprocessor
from zoo.errors import ZooError
from zoo.hub.files import local_files

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = string.ascii_lowercase + "éß你好ÀB"
VOCABULARY = [*SPECIAL, *LETTERS, *(f"##{c}" for c in LETTERS), ".", ",", "hello", "world", "##ing", "ab", "##ab"]
CONFIG = {"model_type": "bert", "architectures": ["BertModel"]}
TEXTS = [
    "",
    "hello worlding.",
    "Hello WORLD",
    "héllo ÀB",
    "ab abab xyz",
    "你好hello",
    "[MASK] hello",
    "a\tb\x00c 😀",
]


def transformers_config(**changes) -> transformers.BertConfig:
    return transformers.BertConfig(**{"vocab_size": len(VOCABULARY), "max_position_embeddings": 32} | changes)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A checkpoint that has `config.json` and `vocab.txt` alone."""
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return tmp_path


def preprocessor(folder: Path, **config):
    return text_preprocessor(local_files(folder), transformers_config(**config))


def write(folder: Path, name: str, content) -> None:
    (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"do_lower_case": False},
        {"do_lower_case": False, "strip_accents": True},
        {"do_lower_case": True, "strip_accents": False},
        {"tokenize_chinese_chars": False},
        {"do_lower_case": True, "model_max_length": 6},
        {"model_max_length": 6, "truncation_side": "left"},
        {"unk_token": {"content": "[UNK]", "lstrip": False, "__type": "AddedToken"}},
    ],
    ids=str,
)
def test_a_vocabulary_alone_is_the_references_tokenizer(options, folder):
    write(folder, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"} | options)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    inputs = [*TEXTS, *zip(TEXTS, reversed(TEXTS), strict=True)]
    limit = min(theirs.model_max_length, 32)

    ours = preprocessor(folder).encode(inputs)

    expected = theirs(inputs, truncation=True, max_length=limit)
    assert [item.ids.tolist() for item in ours] == expected["input_ids"]
    assert [item.types.tolist() for item in ours] == expected["token_type_ids"]


def test_a_vocabulary_alone_decodes_as_the_references_tokenizer(folder):
    write(folder, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    theirs = transformers.AutoTokenizer.from_pretrained(folder)

    for text in TEXTS:
        ids = theirs(text)["input_ids"]
        ours = preprocessor(folder).tokenizer.decode(ids, skip_special_tokens=True)
        assert ours == theirs.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=True)


@pytest.fixture(scope="module")
def real(minilm):
    config = transformers_config(vocab_size=30522, max_position_embeddings=512)
    return text_preprocessor(local_files(minilm), config), transformers.AutoTokenizer.from_pretrained(minilm)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.text(max_size=80), second=st.text(max_size=80), limit=st.integers(4, 40))
def test_any_pair_is_tokenised_as_by_the_reference(real, first, second, limit):
    ours, theirs = real

    [encoded] = ours.encode([(first, second)], max_length=limit)

    expected = theirs([(first, second)], truncation="longest_first", max_length=limit)
    assert encoded.ids.tolist() == expected["input_ids"][0]
    assert encoded.types.tolist() == expected["token_type_ids"][0]


def test_truncation_and_padding_stored_in_the_tokenizer_are_ignored(real):
    preprocess, _ = real
    stored = json.loads(preprocess.files["tokenizer.json"])
    assert stored["truncation"]["max_length"] == 128
    assert stored["padding"]["strategy"] == {"Fixed": 128}

    assert [len(item) for item in preprocess.encode(["one", "word " * 200])] == [3, 202]


@pytest.mark.parametrize(
    ("sentence", "tokenizer", "positions", "limit"),
    [
        ({"max_seq_length": 12}, {"model_max_length": 20}, 32, 12),
        ({}, {"model_max_length": 20}, 32, 20),
        ({"max_seq_length": None}, {"model_max_length": 1e30}, 32, 32),
        ({"max_seq_length": 64}, {}, 32, 32),
        ({}, {}, 32, 32),
    ],
)
def test_where_the_limit_comes_from(sentence, tokenizer, positions, limit, folder):
    write(folder, "sentence_bert_config.json", sentence)
    write(folder, "tokenizer_config.json", tokenizer)
    preprocess = preprocessor(folder, max_position_embeddings=positions)

    assert preprocess.max_length == limit
    assert preprocess("a " * 100)["input_ids"].shape == (1, limit)
    assert preprocess("a " * 100, max_length=5)["input_ids"].shape == (1, 5)


@pytest.mark.parametrize("limit", [-1, 0, 2, 33])
def test_a_limit_that_cannot_be(limit, folder):
    with pytest.raises(ZooError, match="the model takes 3 to 32 tokens"):
        preprocessor(folder)("a", max_length=limit)


def test_padding(folder):
    preprocess = preprocessor(folder)

    arrays = preprocess(["a b c", ("a", "b")], length=8)

    assert {name: (array.shape, array.dtype) for name, array in arrays.items()} == {
        "input_ids": ((2, 8), np.int32),
        "attention_mask": ((2, 8), np.int32),
        "token_type_ids": ((2, 8), np.int32),
    }
    assert arrays["attention_mask"].tolist() == [[1, 1, 1, 1, 1, 0, 0, 0]] * 2
    assert arrays["token_type_ids"][1].tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
    assert preprocess([])["input_ids"].shape == (0, 1)
    with pytest.raises(ZooError, match="length = 4 cannot be: the longest input has 5 tokens"):
        preprocess("a b c", length=4)


def test_the_padding_token_is_the_tokenizers(folder):
    (folder / "vocab.txt").write_text("\n".join(["a", "<pad>", *SPECIAL[1:]]), encoding="utf-8")
    write(folder, "tokenizer_config.json", {"pad_token": "<pad>"})

    preprocess = preprocessor(folder, vocab_size=6)

    assert preprocess.pad_id == 1
    assert preprocess("a", length=5)["input_ids"].tolist() == [[3, 0, 4, 1, 1]]


def test_a_token_beyond_the_embedding_fails_only_when_it_is_encoded(folder):
    tokenizer = preprocessor(folder).tokenizer
    tokenizer.add_tokens(["<extra>"])
    tokenizer.save(str(folder / "tokenizer.json"))

    preprocess = preprocessor(folder)

    assert len(preprocess.encode(["hello", "world"])) == 2
    for inputs, words in ((["hello", "a <extra>"], False), ([["hello"], ["a", "<extra>"]], True)):
        with pytest.raises(ZooError, match="Input 2 has the token '<extra>'") as caught:
            preprocess.encode_batch(inputs, words=words)
        assert caught.value.why == [f"its id is {len(VOCABULARY)}, and the embedding has {len(VOCABULARY)} rows"]
        assert caught.value.fix == "Leave it out of the text."


def test_a_vocabulary_larger_than_the_embedding_is_refused_at_once(folder):
    with pytest.raises(ZooError, match="do not belong together"):
        preprocessor(folder, vocab_size=len(VOCABULARY) - 1)


def test_without_tokenizer_files_there_is_none(folder):
    (folder / "vocab.txt").unlink()

    assert preprocessor(folder) is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer.json", b"{}", "tokenizer.json of .* is not valid"),
        ("tokenizer.json", b"\xff\xfe", "tokenizer.json of .* is not valid"),
        ("tokenizer_config.json", b"[1]", "tokenizer_config.json of .* is not a JSON object"),
        ("tokenizer_config.json", b"{", "tokenizer_config.json of .* is not valid JSON"),
        ("vocab.txt", b"\xff\xfe", "vocab.txt of .* is not UTF-8"),
        ("vocab.txt", b"a\nb\n", "vocab.txt of .* lacks special tokens"),
    ],
)
def test_damaged_files(name, content, message, folder):
    (folder / name).write_bytes(content)

    with pytest.raises(ZooError, match=message):
        preprocessor(folder)


def test_files_are_kept_byte_for_byte(folder):
    write(folder, "special_tokens_map.json", {"pad_token": "[PAD]"})

    assert preprocessor(folder).files == {
        name: (folder / name).read_bytes() for name in ("vocab.txt", "special_tokens_map.json")
    }


def test_windows_line_ends_in_a_vocabulary(folder):
    plain = preprocessor(folder).encode(TEXTS)
    (folder / "vocab.txt").write_bytes("\r\n".join(VOCABULARY).encode())

    for one, other in zip(preprocessor(folder).encode(TEXTS), plain, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a", ["a"]),
        (("a", "b"), [("a", "b")]),
        (["a", ("b", "c")], ["a", ("b", "c")]),
        ([], []),
        (np.array(["a", "b"]), ["a", "b"]),
        ((text for text in "ab"), ["a", "b"]),
    ],
)
def test_what_counts_as_inputs(raw, expected):
    assert as_list(raw) == expected


@pytest.mark.parametrize("raw", [None, 5, b"a", ["a", None], ["a", 5], [("a", "b", "c")], [["a", "b"]], {"a": 1}])
def test_what_does_not(raw):
    with pytest.raises(ZooError, match="is not a text"):
        as_list(raw)


def test_an_encoded_input_has_a_length():
    assert len(Encoded(np.zeros(4, np.int32), np.zeros(4, np.int32))) == 4


def test_the_tokenizer_file_wins_over_the_vocabulary(folder):
    tokenizer = preprocessor(folder).tokenizer
    tokenizer.normalizer = tokenizers.normalizers.Replace("a", "b")
    tokenizer.save(str(folder / "tokenizer.json"))

    assert preprocessor(folder).encode(["a"])[0].ids.tolist()[1] == VOCABULARY.index("b")
