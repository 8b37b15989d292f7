"""zoo.hub.download: every fault a Hub can have ends in the very file or in a ZooError, never in another file"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.hub.conftest import FETCHING
from zoo.testing import Fault

WEIGHTS = random.Random(0).randbytes(3_000_000)
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS}
PINS = {name: {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in FILES.items()}
SHORT = {"HF_HUB_DOWNLOAD_TIMEOUT": "1"}


@pytest.fixture
def fetch(hub, elsewhere):
    """Fetch the preset of repository `toys/tiny`; its weights, or the error."""
    commit = hub.add("toys/tiny", FILES)

    def fetch(**env: str):
        found = elsewhere("preset", source="hf://toys/tiny", commit=commit, files=PINS, env=env)
        return found if "what" in found else Path(found["model.safetensors"])

    return fetch


def faulty(hub, **fault) -> None:
    hub.fault("toys/tiny", "model.safetensors", Fault(**fault))


def asked(hub) -> list[str]:
    """The ranges in which the weights were asked for."""
    return [request.range for request in hub.log if request.path.endswith("model.safetensors")]


def leftovers(home: Path) -> list[Path]:
    return list(home.rglob("*.zoo-partial*"))


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        ({"drop_after": 1_000_000, "times": 2}, 3),
        ({"stall_after": 1_000_000, "times": 1}, 2),
        ({"drop_after": 1_000_000, "times": 1, "ignore_range": True}, 2),
        ({"drop_after": 1_000_000, "times": 2, "ignore_range": True}, 3),
        ({"status": 429, "retry_after": 1, "times": 1}, 2),
        ({"status": 503, "times": 2}, 3),
        ({"redirect": "/"}, 2),
        ({"etag": ""}, 1),
        ({"etag": "../../../../evil"}, 1),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_can_be_mended_is(hub, fetch, tmp_path, fault, requests):
    faulty(hub, **fault)
    path = fetch(**SHORT)
    assert path.read_bytes() == WEIGHTS
    assert len([r for r in hub.log if r.path.endswith("model.safetensors")]) == requests
    assert not leftovers(tmp_path)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_transfer_goes_on_where_it_broke_off(hub, fetch):
    faulty(hub, drop_after=1_000_000, times=2)
    fetch()
    assert asked(hub) == ["", "bytes=1000000-", "bytes=2000000-"]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"body": WEIGHTS[::-1]}, "its sha256 is"),
        ({"body": WEIGHTS[:-1]}, "it has 2,999,999 bytes and the pinned file has 3,000,000"),
        ({"body": WEIGHTS + b"0"}, "it has 3,000,001 bytes and the pinned file has 3,000,000"),
        ({"length": 10**15}, "it has 1,000,000,000,000,000 bytes"),
        ({"drop_after": 0}, "peer closed connection"),
        ({"drop_after": 1}, "peer closed connection"),
        ({"stall_after": 0}, ""),
        ({"status": 404, "code": "EntryNotFound"}, "404 Client Error"),
        ({"status": 401, "code": "GatedRepo"}, "401 Client Error"),
        ({"status": 403, "code": "GatedRepo"}, "403 Client Error"),
        ({"status": 429, "retry_after": 3600}, "asks to wait 3600 seconds"),
        ({"status": 500}, "the Hub answers 500"),
        ({"redirect": "http://127.0.0.1:9/nothing"}, "refused"),
        ({"redirect": "file:///etc/passwd"}, ""),
        ({"redirect": "http://[broken"}, ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_mended_is_refused_and_leaves_no_file(hub, fetch, tmp_path, fault, why):
    faulty(hub, **fault)
    error = fetch(**SHORT)
    assert error["what"] == "The files of preset 'tiny' are not to be had."
    assert why in error["why"][0]
    assert not list((tmp_path / "hf").rglob("snapshots/*/model.safetensors"))
    hub.repositories["toys/tiny"].faults.clear()
    assert fetch().read_bytes() == WEIGHTS


_SYNCED = """
import os
from zoo.hub import cache

synced, sync, admit = set(), os.fsync, cache.admit

def noted(descriptor):
    synced.add(os.fstat(descriptor).st_ino)
    sync(descriptor)

def checked(source, name, downloaded, blob):
    assert downloaded.stat().st_ino in synced, name
    return admit(source, name, downloaded, blob)

os.fsync, cache.admit = noted, checked
"""


def test_what_is_downloaded_is_on_the_disk_before_it_has_its_name(hub, python):
    commit = hub.add("toys/tiny", FILES)
    given = {"do": "preset", "source": "hf://toys/tiny", "commit": commit, "files": PINS}

    done = python(_SYNCED + FETCHING, json.dumps(given))

    assert done.returncode == 0, done.stderr
    assert Path(json.loads(done.stdout)["model.safetensors"]).read_bytes() == WEIGHTS


def test_a_redirect_loop_ends(hub, fetch):
    commit = hub.repositories["toys/tiny"].commit
    faulty(hub, redirect=f"/toys/tiny/resolve/{commit}/model.safetensors")
    assert "redirect" in fetch()["why"][0]


def test_a_start_that_was_altered_is_thrown_away_once(hub, fetch, tmp_path):
    fetch()
    (blob,) = [path for path in tmp_path.rglob("blobs/*") if path.stat().st_size == len(WEIGHTS)]
    blob.unlink()
    blob.with_name(f"{blob.name}.zoo-partial").write_bytes(b"?" * 1_000_000)
    hub.log.clear()
    assert fetch().read_bytes() == WEIGHTS
    assert asked(hub) == ["bytes=1000000-", ""]


def test_a_start_that_is_longer_than_the_file_is_thrown_away(fetch, tmp_path):
    fetch()
    (blob,) = [path for path in tmp_path.rglob("blobs/*") if path.stat().st_size == len(WEIGHTS)]
    blob.unlink()
    blob.with_name(f"{blob.name}.zoo-partial").write_bytes(WEIGHTS + b"more")
    assert fetch().read_bytes() == WEIGHTS


def test_a_token_opens_a_gated_repository_and_does_not_follow_a_redirect_to_another_host(hub, fetch):
    hub.repositories["toys/tiny"].gated = True
    hub.tokens.add("hf_good")
    error = fetch()
    assert "Accept the licence at https://huggingface.co/toys/tiny" in error["fix"]
    assert "hf auth login" in error["fix"]
    faulty(
        hub, redirect=hub.url.replace("127.0.0.1", "localhost") + "/body/toys/tiny/resolve/main/model.safetensors"
    )
    hub.log.clear()
    assert fetch(HF_TOKEN="hf_good").read_bytes() == WEIGHTS
    assert [r.token for r in hub.log if "/body/" in r.path] == [""]


def test_files_that_transformers_downloaded_are_used(hub, fetch, tmp_path):
    code = "from huggingface_hub import snapshot_download; snapshot_download('toys/tiny')"
    environment = os.environ | hub.environment(tmp_path / "hf")
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60, capture_output=True)
    hub.log.clear()
    assert fetch().read_bytes() == WEIGHTS
    assert hub.requests == []


def test_huggingface_hub_uses_what_zoo_downloaded(hub, fetch, tmp_path):
    path = fetch()
    code = "from huggingface_hub import hf_hub_download as d; print(d('toys/tiny', 'model.safetensors'))"
    hub.log.clear()
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | hub.environment(tmp_path / "hf"),
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(path)
    assert not [request for request in hub.requests if request.startswith("GET") and "resolve" in request]


def test_a_cache_that_cannot_be_written_is_told(fetch, tmp_path):
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "hub").write_text("a file where the cache should be")
    error = fetch()
    assert "cache" in error["why"][0] or "directory" in error["why"][0]
    assert "HF_HOME" in error["fix"]


@pytest.mark.parametrize("count", [2, 8])
def test_processes_that_pull_at_once_share_one_download(hub, fetch, tmp_path, count):
    faulty(hub, bytes_per_second=4_000_000)
    with ThreadPoolExecutor(count) as pool:
        paths = [future.result() for future in [pool.submit(fetch) for _ in range(count)]]
    assert {path.read_bytes() for path in paths} == {WEIGHTS}
    assert len(asked(hub)) == 1
    assert not leftovers(tmp_path)


_PULL = """
import json, sys
from zoo.hub.download import download
from zoo.hub.source import Source
from zoo.registry.presets import PinnedFile
commit, pin = json.loads(sys.argv[1])
print(download(Source("hf", "toys/tiny", commit), "model.safetensors", PinnedFile(**pin)))
"""


def _kill_at_random_moments(hub, home: Path, kills: int, seed: int) -> None:
    """Kill -9 a download `kills` times, each from an empty cache, and let the next one finish."""
    rng = random.Random(seed)
    commit = hub.add("toys/tiny", FILES)
    argument = json.dumps([commit, PINS["model.safetensors"]])
    faulty(hub, bytes_per_second=20_000_000)
    for number in range(kills):
        where = home / str(number)
        environment = os.environ | hub.environment(where)
        command = [sys.executable, "-c", _PULL, argument]
        first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # The import takes some 0.4 s, the transfer 0.15 s.
        time.sleep(0.25 + 0.5 * rng.random())
        first.send_signal(signal.SIGKILL)
        first.wait()
        there = list(where.rglob("snapshots/*/model.safetensors"))
        assert all(path.read_bytes() == WEIGHTS for path in there), f"seed {seed}, kill {number}"
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        assert Path(done.stdout.strip()).read_bytes() == WEIGHTS, f"seed {seed}, kill {number}"
        assert not leftovers(where)


def test_a_killed_download_leaves_a_sound_cache(hub, tmp_path):
    _kill_at_random_moments(hub, tmp_path, 4, seed=random.randrange(10**6))


@pytest.mark.slow
def test_fifty_killed_downloads_leave_a_sound_cache(hub, tmp_path):
    _kill_at_random_moments(hub, tmp_path, 50, seed=random.randrange(10**6))
