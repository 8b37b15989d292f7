"""Noisy pictures of three colours, which a tiny network tells apart within a few steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (50, 60, 210)}
QUICK = ("train.epochs=4", "train.batch_size=8", "train.learning_rate=0.01", "train.warmup=0")


def write_folder(folder: Path, count: int, seed: int = 0) -> Path:
    """`count` pictures a class, 20 to 59 pixels wide and high, as PNG and JPEG in turn."""
    rng = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for n in range(count):
            array = np.clip(rng.normal(colour, 30, (rng.integers(20, 60), rng.integers(20, 60), 3)), 0, 255)
            Image.fromarray(array.astype(np.uint8)).save(folder / name / f"{n}.{'png' if n % 2 else 'jpg'}")
    return folder
