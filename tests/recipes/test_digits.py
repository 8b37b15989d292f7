"""The recipe of handwritten digits: what the README says it reaches."""

from __future__ import annotations

import pytest

import zoo


@pytest.mark.slow
def test_it_reads_almost_every_digit(tmp_path):
    run = zoo.finetune("digits", output=tmp_path / "run")
    assert run.metrics["accuracy"] >= 0.96
    assert run.history[-1]["split"] == "test"
