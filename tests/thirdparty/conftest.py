"""A fresh environment, away from the source tree: wheels of keras-zoo and of two third parties, and nothing else.

It is made once for all tests here, whatever process they run in. What the two third parties lack in the repository,
a checkpoint and its lock, is made before their wheels are built.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHIPPED = ("zoo", "plugins", "presets", "recipes", "pyproject.toml", "README.md", "LICENSE")
GOOD, BAD = ("bright", "fine", "lovely", "warm"), ("awful", "cold", "dull", "grey")
NEUTRAL = ("a", "book", "film", "it", "meal", "of", "song", "the", "was", "with")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WIDTH = 16


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Args:
        home: where it lies; its scripts are in `home/bin`.
        folder: the directory that commands run in.
    """

    home: Path
    folder: Path

    def run(self, program: str, *args: object, site: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment; `site` is one more directory with installed distributions."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "ZOO_", "KERAS_", "VIRTUAL_"))}
        cache = {"ZOO_CACHE": str(self.folder / "cache")}
        extra = {"PYTHONPATH": str(site)} if site else {}
        command = [str(self.home / "bin" / program), *map(str, args)]
        return subprocess.run(
            command, cwd=self.folder, env=kept | cache | extra, capture_output=True, text=True, timeout=300
        )

    def zoo(self, *args: object, code: int = 0, site: Path | None = None) -> str:
        """What `zoo ARGS` prints: to stdout where it exits with 0, to stderr where another code is due."""
        done = self.run("zoo", *args, site=site)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr if code else done.stdout

    def json(self, *args: object, site: Path | None = None) -> Any:
        """What `zoo ARGS --json` prints, parsed."""
        return json.loads(self.zoo(*args, "--json", site=site))

    def python(self, script: str, *, site: Path | None = None) -> str:
        """What a script prints."""
        done = self.run("python", "-c", script, site=site)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheels of keras-zoo, zoo-toy and zoo-broken, built from copies of their sources."""
    return once(tmp_path_factory, "wheels", build)


@pytest.fixture(scope="session")
def env(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A virtual environment with the three wheels, their dependencies, and an empty directory to work in."""

    def install(home: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
        pip("--python", home / "bin" / "python", "install", "--no-deps", *sorted(wheels.iterdir()))
        (site,) = home.glob("lib/python*/site-packages")
        for path in sorted(required_files(site)):
            (site / path.name).symlink_to(path)
        pip("--python", home / "bin" / "python", "check")

    return Environment(once(tmp_path_factory, "env", install), tmp_path_factory.mktemp("work"))


def required_files(site: Path) -> set[Path]:
    """The files and folders of all that the distributions in `site` require, as they are installed here.

    With these and no others the environment is what pip makes of the wheels' own word, in much less time.
    """
    found: set[Path] = set()
    installed = {canonicalize_name(one.name): one for one in importlib.metadata.distributions(path=[str(site)])}
    waiting, seen = [Requirement(name) for name in installed], set()
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        if (name, *sorted(asked.extras)) in seen:
            continue
        seen.add((name, *sorted(asked.extras)))
        metadata = installed.get(name) or importlib.metadata.distribution(name)
        for requirement in map(Requirement, metadata.requires or ()):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *asked.extras)):
                waiting.append(requirement)
        if name not in installed:
            tops = {path.parts[0] for path in metadata.files or ()} - {"..", "__pycache__"}
            found |= {Path(str(metadata.locate_file(top))) for top in tops}
    return found


def once(folders: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first process to come makes, and every other one finds."""
    shared = folders.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # that of this process lies beside the others'
        shared = shared.parent
    folder, made = shared / name, shared / f"{name}.made"
    with FileLock(shared / f"{name}.lock"):
        if not made.exists():
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


def build(folder: Path) -> None:
    """Build the wheels into a folder."""
    sources = folder.with_name("sources")
    without = shutil.ignore_patterns("__pycache__", "*.egg-info")
    core = sources / "keras_zoo"
    core.mkdir(parents=True)
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, core / name, ignore=without)
        else:
            shutil.copy(ROOT / name, core / name)
    for name in ("zoo_toy", "zoo_broken"):
        shutil.copytree(HERE / name, sources / name, ignore=without)
        write_checkpoint(sources / name / name)
    pip("wheel", "--no-deps", "--wheel-dir", folder, *sorted(sources.iterdir()))


@pytest.fixture(scope="session")
def reviews(env: Environment) -> Path:
    """`reviews.csv`: 80 texts that a bag of words can tell apart."""
    draw = random.Random(0)
    rows = []
    for label, words in (("good", GOOD), ("bad", BAD)) * 40:
        text = [*draw.choices(NEUTRAL, k=draw.randint(2, 12)), *draw.sample(words, 2)]
        draw.shuffle(text)
        rows.append(f"{' '.join(text)},{label}")
    path = env.folder / "reviews.csv"
    path.write_text("\n".join(["review,stars", *rows]) + "\n", encoding="utf-8")
    return path


def pip(*args: object) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", *map(str, args)], capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, done.stderr


def write_checkpoint(package: Path) -> None:
    """Put `model/`, a checkpoint of random numbers, into a plugin's package, and its preset's lock beside it."""
    name = package.name.removeprefix("zoo_")
    vocabulary = {word: n for n, word in enumerate((*SPECIAL, *NEUTRAL, *GOOD, *BAD))}
    draw = np.random.default_rng(0)
    folder = package / "model"
    folder.mkdir()
    shapes = {"words.weight": (len(vocabulary), WIDTH), "dense.weight": (WIDTH, WIDTH), "dense.bias": (WIDTH,)}
    save_file(
        {tensor: draw.normal(0, 0.2, shape).astype(np.float32) for tensor, shape in shapes.items()},
        folder / "model.safetensors",
    )
    config = {"model_type": name, "vocab_size": len(vocabulary), "hidden_size": WIDTH}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": "[PAD]"}), encoding="utf-8")
    tokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    files = {
        path.name: {"size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(folder.iterdir())
    }
    lock = {f"{name}_tiny": {"commit": "", "files": files}}
    (package / "presets.lock.json").write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")


def tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    """Lower-cased words, between [CLS] and [SEP]."""
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    made.add_special_tokens(list(SPECIAL))
    return made
