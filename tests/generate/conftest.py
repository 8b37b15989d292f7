"""A tiny decoder with a tokenizer learned from real sentences in several scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.testing import tiny_decoder

SENTENCES = [
    "The horn of plenty overflows with fruit and grain.",
    "Return the number of items, or raise an error where there are none.",
    "Größe und Maß: ein Fluss fließt über die Grenze.",
    "東京の天気は今日も晴れです。",
    "Emoji 👩‍🚀🎉 are many bytes, and café has an accent.",
] * 20


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_decoder(tmp_path_factory.mktemp("decoder") / "model", SENTENCES)


@pytest.fixture(scope="session")
def model(folder: Path) -> Any:
    return zoo.load(folder)
