"""The real all-MiniLM-L6-v2 against transformers: token ids equal exactly, embeddings within 1e-4."""

# ruff: noqa: RUF001
from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

import zoo

LONG = " ".join(f"word{n} of a very long document, number {n}." for n in range(120))
TEXTS = [
    "",
    " ",
    "\n\t",
    "a",
    "cat",
    "The quick brown fox jumps over the lazy dog.",
    "ALL CAPITALS, AND!! MUCH?? PUNCTUATION...",
    "antidisestablishmentarianism",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "x" * 99,
    "x" * 101,
    "x" * 5000,
    LONG,
    "word " * 254,
    "word " * 255,
    "word " * 510,
    "word " * 511,
    "😀",
    "I ❤️ this 👩‍👩‍👧‍👦 family 🏳️‍🌈 flag",
    "👍🏽 skin tones, keycaps 1️⃣ and 🇩🇪 flags",
    "مرحبا بالعالم، كيف حالك اليوم؟",
    "שלום עולם",
    "mixed שלום and hello مرحبا",
    "\u202eright to left override\u202c",
    "你好，世界",
    "東京都は日本の首都です。",
    "안녕하세요 세계",
    "漢字 and English 混合 text",
    "Ça va? Über naïve façade, señor Ångström",
    "e\u0301 combining, and n\u0303 too",
    "İstanbul ISI ıi",
    "ﬁ ligatures ﬀ and ½ fractions ①",
    "Ελληνικά και Кириллица",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "nul \x00 and \x07 bell \x1b escape \x7f delete",
    "\ufffd replacement \ufeff byte order mark",
    "no\u00a0break\u2003em\u200bzero\u3000wide spaces",
    "soft\u00adhyphen and\u2028line\u2029paragraph separators",
    "\ue000 private use \U000f0000",
    "[CLS] [SEP] [MASK] [PAD] [UNK] written out",
    "[mask] in small letters, and half[SEP]glued",
    "https://example.org/a?b=c&d=%20#e user@example.org",
    "3.14159 1,000,000 1e-5 0x1F -42 50%",
    "def f(x): return {k: v for k, v in x.items()}  # code",
    "<p>markup &amp; entities</p>",
    "$100 €200 £300 ¥400 ₿5",
    "∑ ∫ √ ≠ ≤ α β γ x² H₂O",
    "don't can't won't it's o'clock",
    ("A question?", "Its answer."),
    ("", "only the second"),
    ("only the first", ""),
    (LONG, "a short one"),
    ("a short one", LONG),
    (LONG, LONG[::-1]),
    ("emoji 😀", "שלום 你好"),
]


@pytest.fixture(scope="module")
def model(minilm):
    return zoo.load(minilm)


@pytest.fixture(scope="module")
def tokenizer(minilm):
    return transformers.AutoTokenizer.from_pretrained(minilm)


@pytest.fixture(scope="module")
def embeddings(minilm):
    """The reference's embedding of one tokenised text: masked mean, normalised."""
    bert = transformers.AutoModel.from_pretrained(minilm).eval()

    def compute(tokens):
        with torch.no_grad():
            features = bert(**tokens).last_hidden_state
        mask = tokens["attention_mask"][:, :, None].float()
        return torch.nn.functional.normalize((features * mask).sum(1) / mask.sum(1)).numpy()

    return compute


def tokenise(tokenizer, text, limit):
    # As a batch of one: alone, the reference takes a pair with an empty second text for a single text.
    return tokenizer([text], truncation=True, max_length=limit, return_tensors="pt")


@pytest.mark.parametrize("limit", [512, 256, 32])
def test_token_ids_and_types_are_equal(limit, model, tokenizer):
    for text, ours in zip(TEXTS, model.preprocess.encode(TEXTS, max_length=limit), strict=True):
        theirs = tokenise(tokenizer, text, limit)
        np.testing.assert_array_equal(ours.ids, theirs["input_ids"][0], err_msg=repr(text)[:80])
        np.testing.assert_array_equal(ours.types, theirs["token_type_ids"][0], err_msg=repr(text)[:80])


def test_embeddings_are_equal(model, tokenizer, embeddings):
    ours = model.embed(TEXTS, max_length=512)

    theirs = np.concatenate([embeddings(tokenise(tokenizer, text, 512)) for text in TEXTS])
    assert ours.shape == (len(TEXTS), 384)
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() <= 1e-4


def test_without_a_limit_the_checkpoints_own_holds(model, tokenizer, embeddings):
    texts = [LONG, "word " * 254, "word " * 255, (LONG, "a short one")]

    theirs = np.concatenate([embeddings(tokenise(tokenizer, text, 256)) for text in texts])

    assert model.preprocess.max_length == 256
    assert [len(item) for item in model.preprocess.encode(texts)] == [256, 256, 256, 256]
    assert np.abs(model.embed(texts) - theirs).max() <= 1e-4


def test_a_padded_batch_is_equal(model, tokenizer):
    singles = [text for text in TEXTS if isinstance(text, str)][:12]
    theirs = tokenizer(singles, padding=True, truncation=True, max_length=64, return_tensors="np")

    ours = model.preprocess(singles, max_length=64)

    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name])


def test_one_text_alone_and_among_others(model):
    among = model.embed(["first", "a rather longer second text, to be padded against", ("a", "pair")])

    for n, text in enumerate(["first", "a rather longer second text, to be padded against", ("a", "pair")]):
        np.testing.assert_allclose(model.embed(text), among[n : n + 1], atol=1e-6)
    assert model.embed([]).shape == (0, 384)
