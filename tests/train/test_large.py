"""Data that is larger than memory: the same runs, in a fraction of the memory."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import zoo
from tests.train.test_language_model import CONFIG
from tests.train.test_token_runs import sentences
from zoo.data import delimited, encoded, json_lines, spool
from zoo.data.encoded import EncodedTexts
from zoo.data.rows import Rows
from zoo.train.feeds import make_batches
from zoo.train.finetune import finetune
from zoo.train.recipe import TrainKeys
from zoo.train.run_lock import fingerprint, read_lock
from zoo.train.setup import make_model
from zoo.train.splits import read_splits


@pytest.fixture
def large(tmp_path, monkeypatch):
    """What makes all data larger than memory from now on, of many blocks."""

    def begin() -> None:
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(spool, "MEMORY", 100)
        monkeypatch.setattr(delimited, "_BLOCKS", (256, 1 << 30))
        monkeypatch.setattr(json_lines, "_ROWS", 7)
        monkeypatch.setattr(encoded, "_BLOCK", 5)

    return begin


def lines(path: Path, rows) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


SUMS = [(f"{n} plus {m}", f"is {n + m}") for n in range(12) for m in range(4)]
ROWS = {
    "token-classification": sentences(40),
    "feature-extraction": [{"query": one, "answer": other} for one, other in SUMS],
    "text": [{"text": f"{one} {other}"} for one, other in SUMS],
    "talks": [
        {"messages": [{"role": "user", "content": one}, {"role": "assistant", "content": other}]}
        for one, other in SUMS
    ],
    "preferences": [{"prompt": one, "chosen": other, "rejected": "is nothing"} for one, other in SUMS],
}


@pytest.fixture(params=["text-classification", *ROWS])
def task(request, recipe, tmp_path):
    """A recipe of each kind of text."""
    kind = request.param
    if kind == "text-classification":
        return recipe.replace("model", task=kind)
    file = lines(tmp_path / "rows.jsonl", ROWS[kind])
    if kind in ("token-classification", "feature-extraction"):
        recipe = recipe.replace("model", task=kind)
        return recipe.replace("data", train=file, text=None, label=None)
    return zoo.Recipe.of(
        model={"architecture": "llama", "task": "text-generation", "config": CONFIG},
        data={"train": file, "validation": 0.1},
        train={"epochs": 1, "batch_size": 8},
    )


def test_what_is_trained_on_is_the_same(task, large, tmp_path):
    found = []
    for begin in (lambda: None, large):
        begin()
        splits = read_splits(task)
        batches = make_batches(task, make_model(task, splits), splits)
        assert isinstance(batches.encoded, EncodedTexts)
        found.append((splits, [batches.batch(k) for k in range(len(batches))]))
    (small, few), (splits, many) = found
    assert isinstance(splits.train.inputs, Rows)
    assert not isinstance(small.train.inputs, Rows)
    for name, part in splits.parts.items():
        assert fingerprint(part) == fingerprint(small.parts[name])
        assert list(part.rows) == list(small.parts[name].rows)
    assert (splits.settled, splits.notes, splits.warnings) == (small.settled, small.notes, small.warnings)
    for one, other in zip(few, many, strict=True):
        assert one[0].keys() == other[0].keys()
        assert all((one[0][name] == other[0][name]).all() for name in one[0])
        assert all(np.array_equal(a, b) for a, b in zip(one[1:], other[1:], strict=True))
    assert not list((tmp_path / "cache" / "data").iterdir())


def test_a_run_is_the_same_to_the_bit(recipe, large, tmp_path):
    recipe = dataclasses.replace(recipe, train=TrainKeys(epochs=2, batch_size=8, learning_rate=1e-3))
    runs = []
    for name, begin in (("small", lambda: None), ("large", large)):
        begin()
        runs.append(finetune(recipe.replace("output", dir=str(tmp_path / name))))
    small, run = runs
    weights = [load_file(found.path / "model" / "model.safetensors") for found in runs]
    assert weights[0].keys() == weights[1].keys()
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])
    assert run.metrics == small.metrics
    assert read_lock(run.path)["data"] == read_lock(small.path)["data"]


READ = """
import sys
from pathlib import Path
from zoo.data import delimited, json_lines, readers, spool
from zoo.train.recipe import DataKeys, Recipe
from zoo.train.run_lock import fingerprint
from zoo.train.splits import read_splits
import pyarrow.compute, pyarrow.csv, pyarrow.parquet, numpy

spool.MEMORY = 1 << 20
delimited._BLOCKS = (1 << 18, 1 << 30)
json_lines._CHARACTERS = readers._BLOCK = 1 << 20
print("ready", flush=True)
splits = read_splits(Recipe(data=DataKeys(train=sys.argv[1])))
print(fingerprint(splits.train), len(splits.train), splits.train.inputs[-1][:20], flush=True)
"""

ENCODE = """
import sys
from zoo.data import encoded, spool
from zoo.data.text import TextPreprocessor
import tokenizers
from tokenizers import models, pre_tokenizers

spool.MEMORY = 1 << 20
encoded._BLOCK = 100
tokenizer = tokenizers.Tokenizer(models.WordLevel({"a": 0, "b": 1}, "a"))
tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
preprocess = TextPreprocessor(tokenizer, max_length=400, positions=400, vocab_size=2)
print("ready", flush=True)
found = preprocess.encode("a b " * (n % 200) for n in range(20_000))
print(found.lengths.sum(), found[19_999].ids[-4:], flush=True)
"""


def growth(code: str, *args: str, cache: Path) -> int:
    """The most bytes of its own that a process takes beyond those that it begins with; mapped files are not."""
    command = [sys.executable, "-c", code, *args]
    env = {**os.environ, "ZOO_CACHE": str(cache), "ARROW_DEFAULT_MEMORY_POOL": "system"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        first = most = anonymous(process.pid)
        while process.poll() is None:
            most = max(most, anonymous(process.pid))
            time.sleep(0.005)
        assert process.returncode == 0
        assert process.stdout.read()
    return most - first


def anonymous(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except ProcessLookupError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(found[0]) << 10 if found else 0


proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


@proc
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_file_larger_than_memory_is_read(kind, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as parquet

    path = tmp_path / f"reviews.{kind}"
    count, text = 25_000, "word " * 1200
    if kind == "parquet":
        data = pa.table(
            {"text": [f"{n} {text}" for n in range(count)], "label": ["ab"[n % 2] for n in range(count)]}
        )
        parquet.write_table(data, path, use_dictionary=False, compression="none")
    elif kind == "csv":
        path.write_text("text,label\n" + "".join(f"{n} {text},{'ab'[n % 2]}\n" for n in range(count)))
    else:
        path.write_text("".join(f'{{"text": "{n} {text}", "label": "{"ab"[n % 2]}"}}\n' for n in range(count)))
    size = path.stat().st_size
    assert size > 140 << 20
    assert growth(READ, str(path), cache=tmp_path / "cache") < size / 2


@proc
def test_tokens_larger_than_memory_are_kept(tmp_path):
    size = 20_000 * 199 * 2 * 4  # of the ids and the types of some 4 million tokens
    assert growth(ENCODE, cache=tmp_path / "cache") < size / 2
