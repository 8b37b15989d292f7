"""Text to arrays: tokenisation by the checkpoint's own tokenizer files, truncation, and padding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tokenizers

from zoo.data.encoded import Encoded, EncodedTexts, blocks, pad
from zoo.errors import ZooError
from zoo.hub.files import Files

Text = str | tuple[str, str]
"""One input: a text, or a pair of texts."""

_LIMIT = "sentence_bert_config.json"
_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    _LIMIT,
)
_UNLIMITED = 10**6  # tokenizer configs write "no limit" as a number far beyond any real one


class TextPreprocessor:
    """Turns texts and pairs of texts into a model's input arrays.

    Args:
        tokenizer: the checkpoint's tokenizer.
        max_length: tokens after which an input is truncated, special tokens included, unless a call says
            otherwise; of a pair, the longer text loses first.
        positions: the most tokens the model can take at all.
        vocab_size: rows of the model's embedding; a token id beyond them is an error.
        pad_id: the padding token.
        mask_token: what stands for a word to be found, in fill-mask.
        truncation_side: which end of a text is cut off, `right` or `left`.
        files: the tokenizer's files, `{name: content}`, written back byte for byte.
    """

    def __init__(
        self,
        tokenizer: tokenizers.Tokenizer,
        *,
        max_length: int,
        positions: int,
        vocab_size: int,
        pad_id: int = 0,
        mask_token: str = "[MASK]",
        truncation_side: str = "right",
        files: dict[str, bytes] | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.positions = positions
        self.vocab_size = vocab_size
        self.pad_id = pad_id
        self.mask_token = mask_token
        self.truncation_side = truncation_side
        self.files = files or {}
        tokenizer.no_padding()

    def __call__(
        self, raw: Text | Sequence[Text], *, max_length: int | None = None, length: int | None = None
    ) -> dict[str, np.ndarray]:
        """Tokenise and pad: `input_ids`, `attention_mask` and `token_type_ids`, each `(batch, length)` int32.

        Args:
            raw: a text, a pair as a tuple, or a list of them.
            max_length: truncate after this many tokens; the model's own limit by default.
            length: pad to this length; by default, to the longest input.
        """
        return self.pad(self.encode(as_list(raw), max_length=max_length), length=length)

    def limit(self, max_length: int) -> None:
        """Truncate after `max_length` tokens from now on, and in what is saved from now on."""
        self.max_length = self._checked(max_length)
        settings = json.loads(self.files.get(_LIMIT, b'{"do_lower_case": false}'))
        self.files[_LIMIT] = json.dumps({**settings, "max_seq_length": max_length}, indent=2).encode() + b"\n"

    def _checked(self, limit: int) -> int:
        if not 2 < limit <= self.positions:
            raise ZooError(f"max_length = {limit} cannot be: the model takes 3 to {self.positions} tokens.")
        return limit

    def encode(self, inputs: Iterable[Text], *, max_length: int | None = None) -> EncodedTexts:
        """Tokenise texts or pairs, without padding, some at a time."""
        return EncodedTexts(
            Encoded.of(encoding)
            for start, block in blocks(inputs)
            for encoding in self.encode_batch(block, max_length=max_length, start=start)
        )

    def encode_batch(
        self,
        inputs: Sequence[Any],
        *,
        max_length: int | None = None,
        words: bool = False,
        truncate: bool = True,
        special: bool = True,
        start: int = 0,
    ) -> list[tokenizers.Encoding]:
        """The tokenizer's own encodings, with offsets and word numbers.

        Args:
            words: each input is a list of words, as token classification has them.
            truncate: cut what is longer than the limit.
            special: add the tokens that a text begins and ends with; what a chat template wrote has them.
            start: how many inputs came before these, for the error.

        Raises a ZooError for a token that the model has no embedding for.
        """
        limit = self.max_length if max_length is None else self._checked(max_length)
        if truncate:
            self.tokenizer.enable_truncation(limit, direction=self.truncation_side)
        else:
            self.tokenizer.no_truncation()
        encodings = self.tokenizer.encode_batch(list(inputs), is_pretokenized=words, add_special_tokens=special)
        for n, encoding in enumerate(encodings, start + 1):
            if (highest := max(encoding.ids, default=0)) >= self.vocab_size:
                raise ZooError(
                    f"Input {n} has the token '{self.tokenizer.id_to_token(highest)}', which the model has no "
                    "embedding for.",
                    why=f"its id is {highest}, and the embedding has {self.vocab_size} rows",
                    fix="Leave it out of the text.",
                )
        return encodings

    def pad(
        self, encoded: Sequence[Encoded], *, length: int | None = None, rows: int | None = None
    ) -> dict[str, np.ndarray]:
        """Stack encoded inputs as rows of one length. Raises a ZooError where `length` is too short for one.

        Args:
            length: by default, that of the longest input.
            rows: how many rows to make; those beyond the inputs are padding.
        """
        longest = max(map(len, encoded), default=1)
        length = length or longest
        if length < longest:
            raise ZooError(f"length = {length} cannot be: the longest input has {longest} tokens.")
        return pad(encoded, (rows or len(encoded), length), self.pad_id)


def as_list(raw: Any) -> Sequence[Any]:
    """The inputs as a sequence of texts and pairs. Raises a ZooError for anything else."""
    many = isinstance(raw, Iterable) and not isinstance(raw, str | bytes | tuple | Mapping)
    inputs = [raw] if not many else raw if isinstance(raw, Sequence) else list(raw)
    for n, item in enumerate(inputs):
        pair = isinstance(item, tuple) and len(item) == 2 and all(isinstance(text, str) for text in item)
        if not (isinstance(item, str) or pair):
            raise ZooError(
                f"Input {n + 1} is not a text: {item!r:.60}",
                fix="Give a str, a pair (str, str) as a tuple, or a list of them.",
            )
    return inputs


def text_preprocessor(files: Files, config: Any) -> TextPreprocessor | None:
    """The preprocessor that a checkpoint's files describe, or None where it has no tokenizer.

    The length limit is sentence-transformers' `max_seq_length`, else the tokenizer config's
    `model_max_length`, else the model's positions; never the truncation stored in tokenizer.json.
    """
    settings = files.mapping("tokenizer_config.json")
    tokenizer = _tokenizer(files, settings)
    if tokenizer is None:
        return None
    if tokenizer.get_vocab_size(with_added_tokens=False) > config.vocab_size:
        raise ZooError(
            f"The tokenizer and the model of {files.origin} do not belong together.",
            why=f"the vocabulary has {tokenizer.get_vocab_size(with_added_tokens=False)} tokens and the "
            f"embedding {config.vocab_size} rows",
        )
    positions = config.max_position_embeddings
    limits = (files.mapping(_LIMIT).get("max_seq_length"), settings.get("model_max_length"))
    limit = next((int(n) for n in limits if isinstance(n, int | float) and 0 < n < _UNLIMITED), positions)
    special = files.mapping("special_tokens_map.json")
    pad, mask = (
        _content(settings.get(f"{name}_token") or special.get(f"{name}_token") or f"[{name.upper()}]")
        for name in ("pad", "mask")
    )
    return TextPreprocessor(
        tokenizer,
        max_length=min(limit, positions),
        positions=positions,
        vocab_size=config.vocab_size,
        pad_id=_pad_id(tokenizer.token_to_id(pad), config),
        mask_token=mask,
        truncation_side="left" if settings.get("truncation_side") == "left" else "right",
        files={name: files.path(name).read_bytes() for name in _FILES if name in files},
    )


def _pad_id(named: int | None, config: Any) -> int:
    """The token to pad with: the tokenizer's own, the config's, or what ends a text, which is inside of none."""
    known = (named, config.pad_token_id, first_token(getattr(config, "eos_token_id", None)))
    return next((token for token in known if token is not None), 0)


def first_token(ids: int | Sequence[int] | None) -> int | None:
    """The first of the token ids that a config has under one name: one, several or none."""
    return next(iter(ids), None) if isinstance(ids, Sequence) else ids


def _content(token: Any) -> str:
    return token["content"] if isinstance(token, dict) else str(token)


def _tokenizer(files: Files, settings: dict[str, Any]) -> tokenizers.Tokenizer | None:
    if "tokenizer.json" in files:
        try:
            return tokenizers.Tokenizer.from_file(str(files.path("tokenizer.json")))
        except Exception as error:  # the library raises plain Exception
            raise ZooError(f"tokenizer.json of {files.origin} is not valid.", why=str(error)) from error
    if "vocab.txt" in files:
        return _wordpiece(files, settings)
    return None


def _wordpiece(files: Files, settings: dict[str, Any]) -> tokenizers.Tokenizer:
    """The original BERT tokenizer from its vocabulary alone (transformers/models/bert/tokenization_bert.py)."""
    from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

    try:
        lines = files.path("vocab.txt").read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ZooError(f"vocab.txt of {files.origin} is not UTF-8.", why=str(error)) from error
    vocab = {token: n for n, token in enumerate(lines) if token or n < len(lines) - 1}
    special = {
        key: _content(settings.get(f"{key}_token") or default)
        for key, default in (
            ("unk", "[UNK]"),
            ("cls", "[CLS]"),
            ("sep", "[SEP]"),
            ("pad", "[PAD]"),
            ("mask", "[MASK]"),
        )
    }
    lacking = [token for token in special.values() if token not in vocab]
    if lacking:
        raise ZooError(f"vocab.txt of {files.origin} lacks special tokens.", why=", ".join(lacking))
    tokenizer = tokenizers.Tokenizer(models.WordPiece(vocab, unk_token=special["unk"]))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
        strip_accents=settings.get("strip_accents"),
        lowercase=settings.get("do_lower_case", True),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    cls, sep = special["cls"], special["sep"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0",
        pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
        special_tokens=[(cls, vocab[cls]), (sep, vocab[sep])],
    )
    tokenizer.add_special_tokens(list(special.values()))
    return tokenizer
