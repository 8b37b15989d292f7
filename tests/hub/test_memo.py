"""zoo.hub.memo: a hash is read once, and again as soon as the file could be another"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoo.hub import memo


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def aged(tmp_path_factory) -> Iterator[Path]:
    """Files for which the moment has passed in which a change would not show in their times."""
    files = [tmp_path_factory.mktemp("aged") / "file" for _ in range(20)]
    for path in files:
        path.write_bytes(b"one")
    time.sleep(2.1)
    return iter(files)


@pytest.fixture
def file(aged) -> Path:
    return next(aged)


class Hash:
    """sha256, which counts how often it was asked."""

    asked = 0

    def __call__(self, path: Path) -> str:
        self.asked += 1
        return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_unchanged_file_is_read_once_also_by_other_names(file, tmp_path):
    read = Hash()
    (tmp_path / "link").symlink_to(file)
    found = {memo.remembered(path, "sha256", read) for path in (file, file, tmp_path / "link")}
    assert found == {hashlib.sha256(b"one").hexdigest()}
    assert read.asked == 1
    memo.remembered(file, "sha256", read, anew=True)
    assert read.asked == 2


def test_each_kind_of_hash_is_remembered(file):
    one, other = Hash(), Hash()
    for _ in range(2):
        memo.remembered(file, "sha256", one)
        memo.remembered(file, "git_oid", other)
    assert one.asked == other.asked == 1


@pytest.mark.parametrize("change", ["content", "replaced", "times put back"])
def test_a_changed_file_of_the_same_size_is_read_again(file, change):
    read = Hash()
    memo.remembered(file, "sha256", read)
    before = file.stat()
    if change == "replaced":
        other = file.with_name("other")
        other.write_bytes(b"two")
        shutil.copystat(file, other)
        os.replace(other, file)
    else:
        file.write_bytes(b"two")
    if change == "times put back":
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert memo.remembered(file, "sha256", read) == hashlib.sha256(b"two").hexdigest()


def test_a_file_that_has_just_changed_is_not_noted(tmp_path, home):
    (tmp_path / "new").write_bytes(b"new")
    memo.remembered(tmp_path / "new", "sha256", Hash())
    assert not home.exists()


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b"{", b'{"state": 1, "sha256": "0"}', b'{"state": {}, "sha256": 5}']
)
def test_a_damaged_note_is_passed_over(file, damage):
    read = Hash()
    memo.remembered(file, "sha256", read)
    (note,) = memo.notes().iterdir()
    note.write_bytes(damage)
    assert memo.remembered(file, "sha256", read) == hashlib.sha256(b"one").hexdigest()
    assert read.asked == 2


def test_a_home_that_cannot_be_written_costs_time_and_no_more(file, home):
    home.write_text("a file where the folder should be")
    read = Hash()
    assert memo.remembered(file, "sha256", read) == memo.remembered(file, "sha256", read)
    assert read.asked == 2
