"""The golden outputs beside the catalogues are what the reference computes today, on the pinned files"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np

from zoo.registry.presets import find_preset, read_golden

_spec = importlib.util.spec_from_file_location("make_goldens", Path(__file__).with_name("make_goldens.py"))
make_goldens = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_goldens)


def test_the_reference_run_live_gives_the_stored_outputs():
    stored, fresh = read_golden(find_preset("minilm_l6")), make_goldens.minilm_l6()
    assert stored.inputs == fresh["inputs"]
    assert stored.tolerance == fresh["tolerance"] <= 1e-5
    np.testing.assert_allclose(stored.outputs, fresh["outputs"], atol=1e-8, rtol=0)
    np.testing.assert_allclose(np.linalg.norm(stored.outputs, axis=1), 1, atol=1e-6)


def test_every_golden_belongs_to_a_preset():
    for path in make_goldens.PRESETS.glob("*.golden.json"):
        locked = json.loads((path.parent / path.name.replace(".golden.", ".lock.")).read_text())
        assert json.loads(path.read_text()).keys() <= locked.keys()


def test_a_preset_without_a_golden_has_none():
    assert read_golden(find_preset("bert_base")) is None
