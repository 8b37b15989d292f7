"""The command line in this process, a tiny checkpoint without weights, and one run made from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from zoo.cli import main
from zoo.train.finetune import finetune
from zoo.train.recipe import DataKeys, ModelKeys, OutputKeys, Recipe, TrainKeys

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "the", "film", "story", "was", "very", "superb", "lovely", "fine", "awful", "dull", "grim"]


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def zoo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """`zoo("list", "--json")` runs the command in an empty working directory, `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*args: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(arg) for arg in args])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return Outcome(int(stopped.value.code or 0), told.out, told.err)

    return call


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT config and vocabulary; its weights are drawn at random."""
    folder = tmp_path_factory.mktemp("checkpoint")
    config = {
        "model_type": "bert",
        "vocab_size": len(WORDS),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return folder


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 reviews: columns `review` and `stars`, labels `good` and `bad`."""
    rows = [f"the film was very {word},{label}" for word, label in (("superb", "good"), ("dull", "bad"))] * 10
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    path.write_text("\n".join(["review,stars", *rows]) + "\n")
    return path


@pytest.fixture(scope="session")
def run(checkpoint: Path, reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished run."""
    recipe = Recipe(
        ModelKeys(preset=str(checkpoint), weights="random"),
        DataKeys(train=str(reviews), max_length=16),
        TrainKeys(epochs=1, batch_size=20),
        OutputKeys(dir=str(tmp_path_factory.mktemp("runs") / "reviews")),
    )
    return finetune(recipe).path
