"""Pages as a real browser shows them: headless Chromium, and the pixels of its screenshots."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Without these Chromium keeps looking for its maker's hosts.
_QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def browser() -> str:
    """The path of Chromium or Chrome; a test is skipped only where there is none (`make browser` installs it)."""
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium or Chrome on this machine, and 'make browser' could not install one")


def screenshot(
    page: Path, folder: Path, *, width: int = 1200, height: int = 2400, dark: bool = False
) -> np.ndarray:
    """The page as the browser paints it: `(height, width, 3)` uint8."""
    picture = folder / f"{page.stem}-{width}{'-dark' if dark else ''}.png"
    done = subprocess.run(
        [
            browser(),
            "--headless",
            "--no-sandbox",
            *_QUIET,
            *(["--blink-settings=preferredColorScheme=0"] if dark else []),
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},{height}",
            f"--screenshot={picture}",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert picture.is_file(), done.stderr
    with Image.open(picture) as image:
        return np.asarray(image.convert("RGB"))


def has_colour(pixels: np.ndarray, colour: tuple[int, int, int], least: int = 20) -> bool:
    """Whether so many pixels have a colour, nearly."""
    return int((np.abs(pixels.astype(int) - colour).max(axis=-1) <= 3).sum()) >= least
