"""Tiny checkpoints from transformers, separable reviews and pictures, and one finished run on the reviews."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.train.coloured import write_folder
from zoo.data.encoded import Encoded
from zoo.train.batches import Batches
from zoo.train.recipe import DataKeys, ModelKeys, OutputKeys, Recipe, TrainKeys
from zoo.train.run import Run

GOOD = ["superb", "lovely", "great", "fine", "moving"]
BAD = ["awful", "dull", "poor", "grim", "tedious"]
PLAIN = ["the", "film", "story", "plot", "scene", "actor", "was", "with", "some", "of", "very", "quite", "told"]
POSITIONS = 48  # no multiple of 32, to which lengths are rounded


def review(label: str, chance: random.Random) -> str:
    """A review of 3 to 12 words, some of which only its class uses."""
    words = chance.choices(GOOD if label == "good" else BAD, k=chance.randint(1, 3))
    words += chance.choices(PLAIN, k=chance.randint(2, 9))
    chance.shuffle(words)
    return " ".join(words)


def reviews(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """`count` reviews with their labels, a third of them bad."""
    chance = random.Random(seed)
    labels = ["bad" if n % 3 == 0 else "good" for n in range(count)]
    return [(review(label, chance), label) for label in labels]


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("review,stars\n" + "".join(f"{text},{label}\n" for text, label in rows), encoding="utf-8")
    return path


def save_tokenizer(folder: Path) -> int:
    """Write a WordPiece tokenizer that knows the words above. Returns the size of its vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *PLAIN, *GOOD, *BAD]
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.add_special_tokens(words[:5])
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    settings = {"tokenizer_class": "BertTokenizer", "model_max_length": POSITIONS, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return len(words)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint directory that transformers wrote: 2 layers, 32 wide, random weights, no dropout."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("checkpoint") / "tiny_bert"
    folder.mkdir()
    config = BertConfig(
        vocab_size=save_tokenizer(folder),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=POSITIONS,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 separable reviews: columns `review` and `stars`, labels `good` and `bad`."""
    return write_csv(tmp_path_factory.mktemp("data") / "reviews.csv", reviews(90))


@pytest.fixture(scope="session")
def recipe(tiny_bert: Path, csv: Path) -> Recipe:
    """A recipe that learns the reviews in seconds."""
    return Recipe(
        model=ModelKeys(preset=str(tiny_bert)),
        data=DataKeys(train=str(csv), text="review", label="stars", validation=0.2),
        train=TrainKeys(epochs=6, batch_size=8, learning_rate=5e-3),
        name="reviews",
    )


@pytest.fixture(scope="session")
def run(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory):
    """The finished run of the recipe."""
    from zoo.train.finetune import finetune

    folder = tmp_path_factory.mktemp("runs") / "reviews"
    return finetune(recipe.replace("output", dir=str(folder)))


@pytest.fixture
def output(tmp_path: Path) -> OutputKeys:
    """A run directory that is not there yet."""
    return OutputKeys(dir=str(tmp_path / "runs" / "fresh"))


@pytest.fixture
def short(recipe: Recipe, output: OutputKeys) -> Recipe:
    """One quick epoch, into a directory that is not there yet."""
    return dataclasses.replace(recipe, train=TrainKeys(epochs=1, batch_size=8, learning_rate=1e-3), output=output)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures in three colours, by class: 36 to train on, 12 that are held out."""
    root = tmp_path_factory.mktemp("pictures")
    write_folder(root / "train", 12)
    write_folder(root / "val", 4, seed=1)
    return root


@pytest.fixture(scope="session")
def tiny_resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet for other classes, as transformers writes it."""
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification
    from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

    from tests.references.torch_images import randomise

    folder = tmp_path_factory.mktemp("resnet")
    torch.manual_seed(1)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=7)
    randomise(ResNetForImageClassification(config)).save_pretrained(folder)
    ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.9).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def interruptible(tiny_bert: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Three epochs with dropout, two batches a step, an average of the weights, a checkpoint every fourth step."""
    folder = tmp_path_factory.mktemp("dropout") / "tiny_bert"
    folder.mkdir()
    for path in tiny_bert.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    dropout = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.1}
    (folder / "config.json").write_text(json.dumps(config | dropout))
    changed = recipe.replace("model", preset=str(folder))
    return changed.replace(
        "train", epochs=3, batch_size=4, accumulate=2, ema=0.5, checkpoint_steps=4, learning_rate=2e-3
    )


@pytest.fixture(scope="session")
def whole(interruptible: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run that nothing interrupts."""
    from zoo.train.finetune import finetune

    return finetune(interruptible.replace("output", dir=str(tmp_path_factory.mktemp("whole") / "run")))


@pytest.fixture(scope="session")
def padded():
    """32 examples, the last three of which only fill their places; the four parts weigh 8, 8, 8 and 5."""
    chance = np.random.default_rng(0)
    items = [
        Encoded(np.array([2, *chance.integers(5, 20, n % 7 + 1), 3], np.int32), np.zeros(n % 7 + 3, np.int32))
        for n in range(29)
    ]
    return Batches(items, np.arange(29, dtype=np.int32) % 2, 32, 1, 0, False, 0, 48).batch(0)


@pytest.fixture(scope="session")
def with_dropout(tiny_bert, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dropout") / "bert"
    shutil.copytree(tiny_bert, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_dropout_prob": 0.2, "num_hidden_layers": 2}))
    return folder
