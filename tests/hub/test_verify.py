"""zoo.hub.verify"""

from __future__ import annotations

import hashlib
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.hub.verify import difference, git_oid_of, sha256_of
from zoo.registry.presets import PinnedFile

EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # what every git calls an empty file


def pin(body: bytes, **more) -> PinnedFile:
    return PinnedFile(**{"size": len(body), "sha256": hashlib.sha256(body).hexdigest()} | more)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(min_size=1), data=st.data())
def test_any_change_of_a_file_is_seen(tmp_path, body, data):
    path = tmp_path / "file"
    path.write_bytes(body)
    by_sha, by_git = pin(body), PinnedFile(None, None, git_oid_of(path))
    assert difference(path, by_sha) == difference(path, by_git) == ""
    at = data.draw(st.integers(0, len(body) - 1))
    path.write_bytes(body[:at] + bytes([body[at] ^ data.draw(st.integers(1, 255))]) + body[at + 1 :])
    assert "its sha256 is" in difference(path, by_sha)
    assert "its git id is" in difference(path, by_git)
    path.write_bytes(body[:at])
    assert f"it has {at:,} bytes and the pinned file has {len(body):,}" == difference(path, by_sha)
    assert "its git id is" in difference(path, by_git)


def test_the_sha256_decides_where_both_hashes_are_known(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert difference(path, pin(b"abc", git_oid="0" * 40)) == ""
    assert "its sha256" in difference(path, PinnedFile(3, "0" * 64, git_oid_of(path)))


def test_a_file_is_larger_than_a_chunk(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"zoo" * 1_000_000)
    assert sha256_of(path) == hashlib.sha256(b"zoo" * 1_000_000).hexdigest()
    assert git_oid_of(path) == hashlib.sha1(b"blob 3000000\0" + b"zoo" * 1_000_000).hexdigest()


def test_git_ids_are_gits(tmp_path):
    path = tmp_path / "file"
    path.touch()
    assert git_oid_of(path) == EMPTY_BLOB
    path.write_bytes(b"a\r\nb\n")
    if git := shutil.which("git"):
        asked = subprocess.run(
            [git, "hash-object", "--no-filters", path], capture_output=True, text=True, check=True
        )
        assert git_oid_of(path) == asked.stdout.strip()


@pytest.mark.parametrize("make", ["nothing", "folder", "dangling"])
def test_what_is_no_file_is_not_there(tmp_path, make):
    path = tmp_path / "file"
    if make == "folder":
        path.mkdir()
    elif make == "dangling":
        path.symlink_to(tmp_path / "gone")
    assert difference(path, pin(b"")) == "it is not there"


def test_a_file_without_a_known_hash_never_passes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert difference(path, PinnedFile(3, None)) == "no hash is pinned to compare it with"
