"""What a checkpoint may do to who loads it: nothing but give its numbers"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

_LOAD = """
import json, sys, zoo
model = zoo.load(sys.argv[1])
print(json.dumps(model.embed(["a text"]).shape))
"""
CODE = "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\nraise SystemExit(7)\n"


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def load(python):
    return lambda name: python(_LOAD, str(name))


def with_code(minilm: Path) -> dict[str, bytes]:
    """MiniLM with everything by which checkpoints have brought code along."""
    files = {name: body for name, body in files_of(minilm).items() if not name.startswith("__pycache__")}
    config = json.loads(files["config.json"]) | {
        "auto_map": {"AutoModel": "modeling_evil.Evil", "AutoTokenizer": ["modeling_evil.Evil", None]},
        "trust_remote_code": True,
        "_component_": "modeling_evil.Evil",
    }
    tokenizer = json.loads(files["tokenizer_config.json"]) | {"auto_map": config["auto_map"]}
    return files | {
        "config.json": json.dumps(config).encode(),
        "tokenizer_config.json": json.dumps(tokenizer).encode(),
        **dict.fromkeys(("modeling_evil.py", "__init__.py", "conftest.py", "setup.py", "zoo.py"), CODE.encode()),
        "pytorch_model.bin": b"cos\nsystem\n(S'touch ran'\ntR.",
        "zoo.toml": b"schema = 1\nmodule = 'modeling_evil'\n",
    }


def test_code_beside_local_weights_is_never_run(minilm, load, tmp_path, hub):
    folder = tmp_path / "model"
    for name, body in with_code(minilm).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    done = load(str(folder))
    assert (done.returncode, done.stdout) == (0, "[1, 384]\n"), done.stderr
    assert not list(folder.rglob("ran"))
    assert hub.requests == []


def test_code_in_a_repository_is_not_even_fetched(minilm, load, hub):
    files = with_code(minilm)
    commit = hub.add("evil/model", files)
    done = load("hf://evil/model")
    assert (done.returncode, done.stdout) == (0, "[1, 384]\n"), done.stderr
    fetched = {request.rpartition(f"{commit}/")[2] for request in hub.requests if "/resolve/" in request}
    assert "model.safetensors" in fetched
    assert not [name for name in fetched if name.endswith((".py", ".bin", ".toml"))]


def test_a_warm_load_makes_no_request_and_leaves_every_byte_as_it_is(minilm, load, tmp_path, hub):
    commit = hub.add("good/model", files_of(minilm))
    assert load(f"hf://good/model@{commit}").returncode == 0
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in (tmp_path / "hf").rglob("blobs/*")}
    hub.log.clear()
    assert load(f"hf://good/model@{commit}").returncode == 0
    assert hub.requests == []
    assert {
        path: hashlib.sha256(path.read_bytes()).digest() for path in (tmp_path / "hf").rglob("blobs/*")
    } == before


def test_a_changed_byte_in_the_cache_is_never_loaded(minilm, load, tmp_path, hub):
    commit = hub.add("good/model", files_of(minilm))
    assert load(f"hf://good/model@{commit}").returncode == 0
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        (path,) = (tmp_path / "hf").rglob(f"snapshots/{commit}/{name}")
        sound = path.read_bytes()
        path.write_bytes(sound[:-5] + bytes([sound[-5] ^ 1]) + sound[-4:])
        hub.log.clear()
        assert load(f"hf://good/model@{commit}").returncode == 0
        assert path.read_bytes() == sound
        assert [request.rpartition("/")[2] for request in hub.requests] == [name]
