"""zoo.testing.LocalHub, asked by the tools that ask the real one"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from http.client import IncompleteRead

import pytest

from zoo.testing import Fault, LocalHub

FILES = {"config.json": b'{"model_type": "bert", "hidden_size": 8}', "model.safetensors": b"0123456789" * 100}


@pytest.fixture(autouse=True)
def repository(hub) -> str:
    return hub.add("toys/tiny", FILES)


def get(hub: LocalHub, path: str, **headers: str):
    return urllib.request.urlopen(urllib.request.Request(hub.url + path, headers=headers), timeout=5)


def file(name: str, revision: str = "main") -> str:
    return f"/toys/tiny/resolve/{revision}/{name}"


def test_huggingface_hub_downloads_a_snapshot_and_reads_the_record(hub, python):
    code = """
import json
from pathlib import Path
from huggingface_hub import HfApi, snapshot_download
folder = Path(snapshot_download("toys/tiny"))
info = HfApi().model_info("toys/tiny", files_metadata=True)
print(json.dumps([folder.name, info.sha, {s.rfilename: [s.size, s.lfs and s.lfs.sha256] for s in info.siblings},
                  sorted([p.name, p.read_text()] for p in folder.iterdir())]))
"""
    folder, commit, siblings, files = json.loads(python(code).stdout)
    assert folder == commit == hub.repositories["toys/tiny"].commit
    assert siblings["config.json"] == [len(FILES["config.json"]), None]
    assert siblings["model.safetensors"][0] == 1000
    assert dict(files) == {name: body.decode() for name, body in FILES.items()}


def test_transformers_reads_a_config_from_it(python):
    code = """
import json
from transformers import AutoConfig
print(json.dumps(AutoConfig.from_pretrained("toys/tiny").hidden_size))
"""
    assert json.loads(python(code).stdout) == 8


def test_an_older_commit_stays_reachable(hub):
    older = hub.repositories["toys/tiny"].commit
    newer = hub.add("toys/tiny", {"config.json": b"{}"})
    assert older != newer
    assert get(hub, file("config.json", older)).read() == FILES["config.json"]
    assert get(hub, file("config.json")).read() == b"{}"


def test_a_file_may_lie_on_disk(hub, tmp_path):
    (tmp_path / "weights").write_bytes(FILES["model.safetensors"])
    commit = hub.repositories["toys/tiny"].commit
    assert hub.add("toys/tiny", FILES | {"model.safetensors": tmp_path / "weights"}) == commit
    assert get(hub, file("model.safetensors")).read() == FILES["model.safetensors"]


def test_a_range_is_served_and_logged(hub):
    answer = get(hub, file("model.safetensors"), Range="bytes=995-")
    assert (answer.status, answer.read()) == (206, b"56789")
    assert answer.headers["Content-Range"] == "bytes 995-999/1000"
    assert hub.log[-1].range == "bytes=995-"
    with pytest.raises(urllib.error.HTTPError, match="416"):
        get(hub, file("model.safetensors"), Range="bytes=1000-")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/toys/gone/resolve/main/config.json", "RepoNotFound"),
        ("/api/models/toys/gone", "RepoNotFound"),
        (file("config.json", "gone"), "RevisionNotFound"),
        ("/api/models/toys/tiny/tree/gone", "RevisionNotFound"),
        (file("gone.json"), "EntryNotFound"),
    ],
)
def test_what_is_not_there_is_told_as_the_hub_does(hub, path, code):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(hub, path)
    assert caught.value.code == 404
    assert caught.value.headers["X-Error-Code"] == code


def test_a_gated_file_needs_a_token_that_was_let_in(hub):
    hub.add("toys/tiny", FILES, gated=True)
    hub.tokens.add("good")
    for headers, status in [({}, 401), ({"Authorization": "Bearer bad"}, 403)]:
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(hub, file("config.json"), **headers)
        assert (caught.value.code, caught.value.headers["X-Error-Code"]) == (status, "GatedRepo")
    assert get(hub, file("config.json"), Authorization="Bearer good").read() == FILES["config.json"]


def test_a_fault_is_played_as_often_as_asked(hub):
    hub.fault("toys/tiny", "config.json", Fault(status=429, retry_after=7, times=2))
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(hub, file("config.json"))
        assert (caught.value.code, caught.value.headers["Retry-After"]) == (429, "7")
    assert get(hub, file("config.json")).read() == FILES["config.json"]


def test_a_body_is_dropped_altered_or_of_another_length(hub):
    hub.fault("toys/tiny", "model.safetensors", Fault(drop_after=10))
    with pytest.raises(IncompleteRead) as caught:
        get(hub, file("model.safetensors")).read()
    assert caught.value.partial == b"0123456789"
    hub.fault("toys/tiny", "model.safetensors", Fault(body=b"other"))
    assert get(hub, file("model.safetensors")).read() == b"other"
    hub.fault("toys/tiny", "model.safetensors", Fault(length=3))
    assert get(hub, file("model.safetensors")).read() == b"012"


def test_a_body_stalls_and_the_hub_still_closes():
    with LocalHub() as hub:
        hub.add("toys/tiny", FILES)
        hub.fault("toys/tiny", "model.safetensors", Fault(stall_after=10))
        answer = urllib.request.urlopen(hub.url + file("model.safetensors"), timeout=0.3)
        assert answer.read(10) == b"0123456789"
        with pytest.raises(TimeoutError):
            answer.read()
        start = time.perf_counter()
    assert time.perf_counter() - start < 2


def test_a_body_trickles(hub):
    hub.fault("toys/tiny", "model.safetensors", Fault(bytes_per_second=2000))
    start = time.perf_counter()
    assert get(hub, file("model.safetensors")).read() == FILES["model.safetensors"]
    assert 0.4 < time.perf_counter() - start < 2


def test_etags_may_be_missing_or_hostile(hub):
    hub.fault("toys/tiny", "config.json", Fault(etag=""))
    assert get(hub, file("config.json")).headers["ETag"] is None
    hub.fault("toys/tiny", "config.json", Fault(etag="../../evil"))
    assert get(hub, file("config.json")).headers["ETag"] == '"../../evil"'


def test_a_body_may_come_from_elsewhere(hub):
    hub.fault("toys/tiny", "model.safetensors", Fault(redirect="/"))
    answer = get(hub, file("model.safetensors"))
    assert answer.read() == FILES["model.safetensors"]
    assert "/body/" in answer.url
    hub.fault("toys/tiny", "model.safetensors", Fault(redirect=file("model.safetensors")))
    with pytest.raises(urllib.error.HTTPError, match="loop"):
        get(hub, file("model.safetensors"))


def test_a_range_may_be_ignored(hub):
    hub.fault("toys/tiny", "model.safetensors", Fault(ignore_range=True))
    answer = get(hub, file("model.safetensors"), Range="bytes=995-")
    assert (answer.status, len(answer.read())) == (200, 1000)
