"""A load holds little more than the weights: measured in processes of their own, by the kernel's count"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# The largest dimension is the vocabulary's, as in a real model: one tensor is a third of the whole.
CONFIG = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "vocab_size": 30522,
    "hidden_size": 512,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "intermediate_size": 2048,
}
_LOAD = """
import json, sys
import zoo
from zoo.backend import use_jax
use_jax()
import jax, zoo.loading, zoo.tasks, zoo.weights.build, zoo_bert.model
jax.numpy.ones(3).block_until_ready()

def resident(key):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew here
before = resident("VmRSS")
model = zoo.load(sys.argv[1], dtype=sys.argv[2])
print(json.dumps(resident("VmHWM") - before))
"""
_MAKE = """
import json, sys, zoo
from pathlib import Path
home = Path(sys.argv[1])
(home / "seed").mkdir()
(home / "seed" / "config.json").write_text(sys.argv[2])
model = zoo.load(home / "seed", weights="random")
model.save_pretrained(home / "one")
model.save_pretrained(home / "shards", max_shard_size="20MB")
"""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> Path:
    """`one/` and `shards/`: the same random 170 MB, in one file and in several."""
    home = tmp_path_factory.mktemp("memory")
    subprocess.run([sys.executable, "-c", _MAKE, str(home), json.dumps(CONFIG)], check=True, timeout=120)
    return home


@pytest.mark.parametrize("form", ["one", "shards"])
@pytest.mark.parametrize(("dtype", "limit"), [("float32", 1.15), ("bfloat16", 0.65), ("int8", 0.65)])
def test_the_peak_above_the_imports_is_near_the_weights(checkpoints, form, dtype, limit):
    # A token table that is only looked up, a third of this model, is not rounded to int8.
    folder = checkpoints / form
    files = list(folder.glob("*.safetensors"))
    assert len(files) == 1 if form == "one" else len(files) > 5
    command = [sys.executable, "-c", _LOAD, str(folder), dtype]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) / sum(path.stat().st_size for path in files) <= limit
