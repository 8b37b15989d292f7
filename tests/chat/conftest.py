"""One tiny decoder for each template, read by zoo and by transformers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import transformers
from hypothesis import strategies as st

import zoo
from tests.chat.templates import TEMPLATES, TEXTS, TOKENS
from zoo.data.conversations import Conversation, Message
from zoo.testing import tiny_decoder

CONFIG = {
    "vocab_size": 352,
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "head_dim": 4,
    "max_position_embeddings": 1024,
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`made(template)`: the directory of a tiny decoder with a chat template, one of the families' by its name."""

    @cache
    def make(template: str, **config: Any) -> Path:
        folder = tmp_path_factory.mktemp("chat") / "model"
        source = TEMPLATES.get(template, template)
        return tiny_decoder(folder, TEXTS, chat_template=source, special=TOKENS, **CONFIG | config)

    return make


@pytest.fixture(scope="session")
def pair(made: Callable[..., Path]) -> Callable[[str], tuple[Any, Any]]:
    """`pair(template)`: the model, and the reference's tokenizer of the same files."""

    @cache
    def load(template: str) -> tuple[Any, Any]:
        folder = made(template)
        return zoo.load(folder), transformers.AutoTokenizer.from_pretrained(folder)

    return load


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="<>[]|"), min_size=1, max_size=20).filter(str.strip)


@st.composite
def conversations(draw: Any, *, opening: bool = True) -> Conversation:
    """User and assistant in turn, behind a system message or none."""
    said = [Message("system", draw(WORDS))] if opening and draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        said += [Message("user", draw(WORDS)), Message("assistant", draw(WORDS))]
    return Conversation(tuple(said))


def dicts(conversation: Conversation) -> list[dict[str, str]]:
    """The messages as the reference takes them."""
    return [{"role": m.role, "content": m.content} for m in conversation.messages]
