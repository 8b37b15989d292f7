"""Thousands of damaged and hostile checkpoints: each is a ZooError, or holds the very numbers it held before

The corpus is made here, from one sound checkpoint in one file and in two shards.
"""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.hub.files import WEIGHTS, WEIGHTS_INDEX, local_files
from zoo.weights.audit import audit
from zoo.weights.layout import Layout, Rule
from zoo.weights.reader import Checkpoint
from zoo.weights.shards import Outgoing, write_weights

NUMBERS = {
    "embed.weight": np.arange(24, dtype=np.float32).reshape(6, 4),
    "layer.0.weight": np.arange(8, dtype=np.float16),
    "layer.1.weight": np.arange(8, dtype=np.float16) + 1,
    "scale": np.array(2.5, np.float32),
}
LAYOUT = Layout(tuple(Rule(name, name) for name in NUMBERS))
SHAPES = {name: array.shape for name, array in NUMBERS.items()}


@pytest.fixture(scope="module", params=["one file", "shards"])
def sound(request, tmp_path_factory) -> dict[str, bytes]:
    """The files of a sound checkpoint, by name."""
    folder = tmp_path_factory.mktemp("sound")
    tensors = {name: Outgoing(a.dtype, a.shape, lambda a=a: a) for name, a in NUMBERS.items()}
    write_weights(folder, tensors, 10**6 if request.param == "one file" else 100)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read(folder: Path) -> dict[str, np.ndarray]:
    """All that a load does before there is a model: list, match, read."""
    files = local_files(folder)
    checkpoint = Checkpoint(files.weights(), files.origin, files.weight_map())
    found = audit(LAYOUT, SHAPES, checkpoint)
    return {variable: checkpoint.read(tensor) for variable, (tensor, _) in found.sources.items()}


def judge(folder: Path, files: dict[str, bytes]) -> bool:
    """Whether these files are refused. What is not refused must be the sound checkpoint, number by number."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    refusal, found = "", {}
    try:
        found = read(folder)
    except ZooError as error:
        refusal = str(error)
    finally:
        for path in folder.iterdir():
            path.unlink()
    if refusal:
        assert len(refusal.splitlines()) < 25  # one screen
        return True
    assert found.keys() == NUMBERS.keys()
    for name, array in NUMBERS.items():
        np.testing.assert_array_equal(found[name], array)
    return False


def header_end(content: bytes) -> int:
    return 8 + int.from_bytes(content[:8], "little")


def damaged(sound: dict[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Every file cut at every length, and every byte of every header and index changed in several ways."""
    rng = random.Random(0)
    for name, content in sound.items():
        end = len(content) if name == WEIGHTS_INDEX else header_end(content)
        for length in range(len(content)):
            yield sound | {name: content[:length]}
        for at in range(end):
            for value in {content[at] ^ 1, content[at] ^ 128, 0, rng.randrange(256), *b'"}0/'} - {content[at]}:
                yield sound | {name: content[:at] + bytes([value]) + content[at + 1 :]}
            yield sound | {name: content[:at] + content[at + 1 :]}
            yield sound | {name: content[:at] + content[at : at + 1] * 2 + content[at + 1 :]}
        yield {other: body for other, body in sound.items() if other != name}
        yield sound | {name: content + b"\0"}


def test_a_sound_checkpoint_is_read(tmp_path, sound):
    assert not judge(tmp_path, sound)


def test_thousands_of_damaged_checkpoints_are_refused_or_unharmed(tmp_path, sound):
    verdicts = [judge(tmp_path, files) for files in damaged(sound)]
    assert len(verdicts) > 3000
    # What is not refused changed spaces, metadata, or the index's sum.
    assert sum(verdicts) > 0.9 * len(verdicts)


def index(**weight_map: str) -> bytes:
    return json.dumps({"weight_map": weight_map}).encode()


def test_an_index_that_leads_away_or_lies_is_refused(tmp_path, sound):
    shards = sorted(name for name in sound if name.endswith(".safetensors"))
    if len(shards) == 1:
        shards, sound = (
            ["model-00001-of-00001.safetensors"],
            {
                "model-00001-of-00001.safetensors": sound[WEIGHTS],
            },
        )
    (tmp_path.parent / "outside.safetensors").write_bytes(b"secret")
    truth = {}
    for name in shards:
        (tmp_path / "x").write_bytes(sound[name])
        truth |= dict.fromkeys(Checkpoint([tmp_path / "x"], "it").tensors, name)
    (tmp_path / "x").unlink()
    assert not judge(tmp_path, sound | {WEIGHTS_INDEX: index(**truth)})
    first = next(iter(truth))
    lies = [
        *[truth | {first: where} for where in HOSTILE_SHARDS],
        {name: shard for name, shard in truth.items() if name != first},
        truth | {"ghost": shards[0]},
        {},
    ]
    for lie in lies:
        assert judge(tmp_path, sound | {WEIGHTS_INDEX: index(**lie)}), lie
    text = index(**truth).replace(
        b'{"weight_map": {', b'{"weight_map": {"%s": "%s", ' % (first.encode(), shards[0].encode())
    )
    assert judge(tmp_path, sound | {WEIGHTS_INDEX: text})
    for body in (b"", b"[]", b"null", b'{"weight_map": []}', b'{"weight_map": {"a": {"b": 1}}}', b"[" * 100_000):
        assert judge(tmp_path, sound | {WEIGHTS_INDEX: body}), body[:20]


HOSTILE_SHARDS = [
    "../outside.safetensors",
    "/etc/passwd",
    "/etc/passwd.safetensors",
    "..",
    "",
    "a/../../outside.safetensors",
    "a\\..\\outside.safetensors",
    "C:outside.safetensors",
    "outside.safetensors\0.safetensors",
    "model.bin",
    "absent-00001-of-00001.safetensors",
]


def test_headers_that_promise_the_world_cost_no_memory(tmp_path):
    """Claims are checked against the file before anything is allocated for them."""
    claims = [
        {"a": {"dtype": "F32", "shape": [2**30, 2**30], "data_offsets": [0, 2**62]}},
        {"a": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4 * 10**9]}},
        {"a": {"dtype": "F64", "shape": [2**61], "data_offsets": [0, 0]}},
        {"a": {"dtype": "F32", "shape": [1] * 100_000, "data_offsets": [0, 4]}},
        {str(n): {"dtype": "F32", "shape": [0, 2**62], "data_offsets": [0, 0]} for n in range(10_000)},
        {
            "__metadata__": {str(n): "x" * 100 for n in range(1000)},
            "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        },
    ]
    tracemalloc.start()
    try:
        for claim in claims:
            text = json.dumps(claim).encode()
            assert judge(tmp_path, {WEIGHTS: len(text).to_bytes(8, "little") + text + bytes(4)})
        assert judge(tmp_path, {WEIGHTS: (2**63).to_bytes(8, "little") + bytes(100)})
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()
