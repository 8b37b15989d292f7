"""The report in a real browser: painted, in both colour schemes, and within the width of a phone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.references.browser import has_colour, screenshot
from tests.train.test_report import report
from zoo.train.report import render_report

PAPER, INK, ACCENT, RULE = (255, 255, 255), (22, 25, 29), (20, 89, 157), (223, 226, 230)
DARK_PAPER, DARK_ACCENT = (20, 23, 27), (122, 181, 238)


@pytest.fixture(scope="module")
def page(run) -> Path:
    return run.report.absolute()


def margins(pixels: np.ndarray, width: int) -> np.ndarray:
    return np.concatenate([pixels[:, :width].reshape(-1, 3), pixels[:, -width:].reshape(-1, 3)])


def test_the_page_is_painted(page, tmp_path):
    pixels = screenshot(page, tmp_path)
    assert pixels.shape[1] == 1200
    assert has_colour(pixels, PAPER, least=pixels.size // 6)
    assert has_colour(pixels, INK, least=1000)
    assert has_colour(pixels, ACCENT, least=2000)  # the headline, and the curves
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100
    # Every part of it says something: no third of the page is blank, up to its end.
    inked = np.flatnonzero((pixels.max(axis=-1) < 128).any(axis=1))
    assert inked.min() < 150
    assert np.diff(inked).max() < 300


def test_nothing_sticks_out_of_a_phone(page, tmp_path):
    """Chromium's window is 500 wide at least, so a page that overflows would reach into the margin."""
    pixels = screenshot(page, tmp_path, width=500, height=4000)
    assert (margins(pixels, 10) == PAPER).all()
    assert has_colour(pixels, ACCENT, least=1000)


def test_the_figures_of_the_result_are_in_one_row(tmp_path):
    # Two baselines, an interval, a loss of four digits.
    (tmp_path / "page.html").write_text(render_report(report()))
    pixels = screenshot(tmp_path / "page.html", tmp_path, width=1280, height=800)
    rules = np.flatnonzero((pixels[:, 200:-200] == RULE).all(axis=(1, 2)))
    assert len(rules) == 2  # above the result, and above the training
    assert rules[1] - rules[0] < 250


def test_it_follows_a_dark_scheme(page, tmp_path):
    pixels = screenshot(page, tmp_path, dark=True)
    assert has_colour(pixels, DARK_PAPER, least=pixels.size // 6)
    assert has_colour(pixels, DARK_ACCENT, least=1000)
    assert not has_colour(pixels, PAPER, least=pixels.size // 100)


def test_pictures_are_shown(tmp_path):
    """A picture of one colour, as thumbnails are kept in the page, is painted in that colour."""
    from PIL import Image

    from zoo.train.report import Mistake, Report
    from zoo.train.thumbnails import thumbnail

    Image.new("RGB", (64, 64), (200, 30, 120)).save(tmp_path / "pink.png")
    mistake = Mistake(1, "pink.png", "pink", "red", 0.9, 2.3, False, thumbnail(str(tmp_path / "pink.png")))
    report = Report(
        title="pictures",
        preset="resnet18",
        task="image-classification",
        metrics={"accuracy": 0.5},
        score="accuracy",
        interval=None,
        evaluated_on="test (2 rows)",
        baselines=[],
        history=[],
        labels=["pink", "red"],
        confusion=[[0, 1], [0, 1]],
        mistakes=[mistake],
        facts={},
        recipe="",
    )
    page = tmp_path / "report.html"
    page.write_text(render_report(report), encoding="utf-8")
    pixels = screenshot(page, tmp_path).astype(int)
    assert (np.abs(pixels - (200, 30, 120)).max(axis=-1) < 12).sum() > 2000
