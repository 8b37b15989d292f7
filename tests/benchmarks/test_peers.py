"""Environments that are lent what another Python sees."""

import subprocess
import sys

import pytest

from benchmarks import peers
from benchmarks.peers import PEERS, site_directories


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "ENVIRONMENTS", tmp_path / "environments")


def install(folder, version):
    """A distribution `keras`, with a module and a plugin of that name."""
    facts = folder / f"keras-{version}.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: keras\nVersion: {version}\n")
    (facts / "entry_points.txt").write_text("[zoo.plugins]\ntoy = keras\n")
    (folder / "keras.py").write_text(f"VERSION = {version!r}\n")
    return str(folder)


@pytest.fixture
def seen(monkeypatch, tmp_path):
    """A search path where a folder of PYTHONPATH stands before the packages of the Python itself."""
    first, second = install(tmp_path / "own", "2"), install(tmp_path / "lib" / "site-packages", "1")
    monkeypatch.setenv("PYTHONPATH", first)
    monkeypatch.setattr(sys, "path", ["", first, *sys.path, second, str(tmp_path / "absent" / "site-packages")])
    return first, second


def test_site_directories_keep_their_order_and_are_those_of_packages(seen):
    found = site_directories(sys.path)
    assert [each for each in found if each in seen] == [*seen]
    assert found[0] == seen[0]
    assert all(each.endswith(("site-packages", "dist-packages")) for each in found[1:])
    assert not any("absent" in each for each in found)


def test_what_is_lent_is_found_in_order_with_its_versions_and_entry_points(seen):
    peer = PEERS["kerashub"]
    assert not peer.is_ready
    peers.lend(peer)
    assert peer.is_ready
    assert peer.borrowed.is_file()
    assert peer.versions()["keras"] == "2"
    script = (
        "import importlib.metadata as m, keras;"
        "print(keras.VERSION, [e.value for e in m.entry_points(group='zoo.plugins', name='toy')])"
    )
    told = subprocess.run([peer.python, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == "2 ['keras']\n"


def test_an_environment_is_lent_anew():
    peer = PEERS["kerashub"]
    peers.lend(peer)
    (peer.site_packages / "left.pth").touch()
    peers.lend(peer)
    assert [path.name for path in peer.site_packages.glob("*.pth")] == ["borrowed.pth"]


def test_what_is_not_installed_has_no_version():
    peer = PEERS["zoo"]
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", peer.directory], check=True)
    assert peer.versions() == {}
