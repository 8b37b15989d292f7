"""Examples of text generation as tokens, each with the label that it is trained to say, or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tokenizers

from zoo.chat.spans import Span, UntoldError, dropped_roles, find_spans, turn_ends
from zoo.chat.template import ChatTemplate, Rendered, TemplateError
from zoo.data.conversations import ALL, ANSWER, Completion, Conversation, conversation_of
from zoo.data.encoded import NO_LABEL, Encoded, EncodedTexts, blocks
from zoo.data.row_faults import RowFaults
from zoo.data.text import TextPreprocessor

Told = tuple[str, list[Span]]
"""A text, and the parts of it that are trained."""

_EMPTY = Encoded(np.zeros(0, np.int32), np.zeros(0, np.int32), labels=np.zeros(0, np.int32))


@dataclass(frozen=True)
class ExampleEncoder:
    """Encodes plain texts, completions and conversations for training.

    Args:
        preprocess: the tokenizer and its limit.
        template: the chat template, where there is one.
        end: the token that ends a plain text.
        stops: the tokens that end a generated text.
        saved: the template that the model came with, if `template` stands in for it; both are to write the same.
    """

    preprocess: TextPreprocessor
    template: ChatTemplate | None
    end: int | None
    stops: frozenset[int]
    saved: ChatTemplate | None = None

    def __call__(self, inputs: Iterable[Any], faults: RowFaults) -> EncodedTexts:
        """Each input as tokens and labels; one with a fault, which is noted, as none."""
        found = EncodedTexts(
            item for start, block in blocks(inputs) for item in self._block(block, faults.start(start))
        )
        faults.start(0)
        return found

    def _block(self, inputs: Sequence[Any], faults: RowFaults) -> list[Encoded]:
        inputs = [item if isinstance(item, str | Completion) else conversation_of(item) for item in inputs]
        found = [_EMPTY] * len(inputs)
        told: dict[int, Told] = {}
        plain = [n for n, item in enumerate(inputs) if isinstance(item, str)]
        for n in sorted({*range(len(inputs))} - {*plain}):
            if (own := self._told(inputs[n], n, faults)) is not None:
                told[n] = own
        for n, item in zip(plain, self._plain([inputs[n] for n in plain]), strict=True):
            found[n] = item
            self._check_begin(item.ids, n, faults)
        for rendered in (True, False):  # what a template writes has its special tokens already
            chosen = [n for n, (text, _) in told.items() if isinstance(text, Rendered) == rendered]
            texts = [str(told[n][0]) for n in chosen]
            encodings = self.preprocess.encode_batch(texts, truncate=False, special=not rendered)
            for n, encoding in zip(chosen, encodings, strict=True):
                found[n] = self._labelled(encoding, told[n], inputs[n], n, faults)
        return found

    def conversation_of(self, example: Any) -> Conversation | None:
        """The conversation that an example is, where the template is to write it."""
        if isinstance(example, Completion):
            chat = self.template is not None if example.chat is None else example.chat
            return example.conversation() if chat else None
        return example if isinstance(example, Conversation) else None

    def _plain(self, texts: Sequence[str]) -> list[Encoded]:
        """Whole texts with the token that ends them, as what is to be said; a truncated one does not end."""
        room = self.preprocess.max_length - (self.end is not None)
        found = []
        for item in self.preprocess.encode(texts, max_length=room):
            ids = item.ids if item.truncated else self._ended(item.ids)
            labels = ids.copy()
            labels[:1] = NO_LABEL  # nothing comes before it
            found.append(Encoded(ids, np.zeros_like(ids), item.truncated, labels))
        return found

    def _ended(self, ids: np.ndarray) -> np.ndarray:
        """The tokens with the one that ends a text behind them."""
        if self.end is None or (len(ids) and ids[-1] == self.end):
            return ids
        return np.append(ids, np.int32(self.end))

    def _told(self, item: Any, n: int, faults: RowFaults) -> Told | None:
        """The text of a completion or a conversation, and what of it is trained; None where there is a fault."""
        conversation = self.conversation_of(item)
        if conversation is None:
            if not item.completion.strip():
                return faults.add("With an empty answer", n)
            if not isinstance(item.train_on, str) and {*item.train_on} != {ANSWER}:
                what = 'Without roles, for no chat template writes it (data.train_on = "all" trains prompts, too)'
                return faults.add(what, n, hard=True)
            text = item.prompt + item.completion
            return text, [Span(0 if item.train_on == ALL else len(item.prompt), len(text))]
        if self.template is None:
            return faults.add(
                "A conversation, and the model has no chat template (data.chat_template gives one)", n, hard=True
            )
        if own := conversation.faults():
            return faults.add(own[0], n)
        try:
            text, spans = find_spans(self.template, conversation)
            if self.saved is not None and self.saved.render(conversation.messages) != text:
                what = "data.chat_template writes another text than the template that the model was trained with"
                faults.add(what, n, hard=True)
            for role in dropped_roles(self.template, conversation, text):
                faults.add(f"With a message of the role '{role}', which the chat template leaves out", n, hard=True)
        except TemplateError as fault:
            return faults.add(fault.what, n, hard=fault.hard)
        except UntoldError as fault:
            return faults.add(str(fault), n, hard=fault.hard)
        return text, spans

    def _labelled(self, encoding: tokenizers.Encoding, told: Told, item: Any, n: int, faults: RowFaults) -> Encoded:
        text, spans = told
        ids = np.array(encoding.ids, np.int32)
        starts, ends = np.array(encoding.offsets, np.int64).reshape(-1, 2).T
        trained = np.zeros(len(ids), bool)
        places = []
        for span in spans:
            own = np.flatnonzero((starts < span.end) & (ends > span.start))
            trained[own] = True
            places.append(own)
        if not isinstance(text, Rendered):
            ids = self._ended(ids)
            trained = np.append(trained, np.ones(len(ids) - len(trained), bool))
            trained[-1] |= ids[-1] == self.end
            places[-1] = np.append(places[-1], len(ids) - 1)
        trained[:1] = False  # nothing comes before it
        labels = np.where(trained, ids, np.int32(NO_LABEL))
        self._check_begin(ids, n, faults)
        if not trained.any():
            faults.add("Every label is masked: nothing of the text is trained", n)
            return _EMPTY
        if not all(
            self._ends(ids[own]) for own, span in zip(places, spans, strict=True) if span.answer and span.whole
        ):
            what = "The stop token of an answer is never trained, so that the model would not learn to stop"
            faults.add(what, n, hard=True)
        if len(ids) <= self.preprocess.max_length:
            return Encoded(ids, np.zeros_like(ids), labels=labels)
        if item.train_on == ALL and isinstance(item, Conversation) and self.template:
            cuts = [int(np.searchsorted(starts, end)) for end in turn_ends(self.template, item, text)]
        else:
            cuts = [int(own[-1]) + 1 for own, span in zip(places, spans, strict=True) if len(own) and span.whole]
        return self._cut(ids, labels, cuts, n, faults)

    def _cut(self, ids: np.ndarray, labels: np.ndarray, cuts: Sequence[int], n: int, faults: RowFaults) -> Encoded:
        """The tokens up to the last place that fits where they may be cut: what is trained stays whole."""
        most = self.preprocess.max_length
        end = max((cut for cut in cuts if cut <= most), default=0)
        if (labels[:end] == NO_LABEL).all():
            faults.add(f"With an answer that does not fit in {most} tokens (data.max_length)", n)
            return _EMPTY
        lost = sum(cut > most for cut in cuts)
        return Encoded(ids[:end], np.zeros(end, np.int32), bool(lost), labels[:end], lost)

    def _ends(self, ids: np.ndarray) -> bool:
        """Whether the tokens of an answer have one that ends it."""
        return bool(self._closing.intersection(ids.tolist()))

    def _check_begin(self, ids: np.ndarray, n: int, faults: RowFaults) -> None:
        if self._begin in self.stops:  # then one ends a turn, and the next begins another
            ids = ids[:2]
        if self._begin is not None and ((ids[1:] == self._begin) & (ids[:-1] == self._begin)).any():
            token = self.preprocess.tokenizer.id_to_token(self._begin)
            faults.add(f"With two '{token}' one behind the other; a text begins with one", n, hard=True)

    @cached_property
    def _closing(self) -> frozenset[int]:
        end = self.template.turn_end(self.preprocess.tokenizer) if self.template else None
        return self.stops if end is None else self.stops | {end}

    @cached_property
    def _begin(self) -> int | None:
        """The token that a text begins with, where there is one."""
        tokenizer = self.preprocess.tokenizer
        named = self.template.tokens.get("bos_token") if self.template else None
        begin = tokenizer.encode("").ids[:1]
        return tokenizer.token_to_id(named) if named else begin[0] if begin else None
