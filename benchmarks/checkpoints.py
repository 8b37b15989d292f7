"""Checkpoints that are measured with and lie in no package: made here, once, under .bench/."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from benchmarks.harness import run_worker
from benchmarks.peers import ENVIRONMENTS, PEERS

# The dimensions of BERT base: https://arxiv.org/abs/1810.04805, section 3.
BERT_BASE = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}
BERT_TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}


def bert_base() -> Path:
    """A sentence embedder of BERT base's size, 438 MB."""
    return _bert("bert_base", BERT_BASE)


def bert_tiny() -> Path:
    """A sentence embedder whose step takes a few milliseconds."""
    return _bert("bert_tiny", BERT_TINY)


def _bert(name: str, dimensions: dict[str, int]) -> Path:
    """A checkpoint of these dimensions: random weights, MiniLM's tokenizer."""
    target = ENVIRONMENTS / "checkpoints" / name
    if target.is_dir():
        return target
    minilm = PEERS["zoo"].minilm
    config = json.loads((minilm / "config.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        shutil.copytree(minilm, source, ignore=shutil.ignore_patterns("*.safetensors"))
        (source / "config.json").write_text(json.dumps(config | dimensions), encoding="utf-8")
        pooling = source / "1_Pooling" / "config.json"
        wide = json.loads(pooling.read_text(encoding="utf-8")) | {
            "word_embedding_dimension": dimensions["hidden_size"]
        }
        pooling.write_text(json.dumps(wide), encoding="utf-8")
        run_worker("zoo", "zoo_random.py", {"source": str(source), "target": str(target)}, limit_s=120)
    return target
