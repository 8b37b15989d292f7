"""Locks: what a preset is pinned to."""

from __future__ import annotations

from zoo.registry.presets import find_preset, read_lock


def test_a_lock_without_weights_names_all_other_files():
    lock = read_lock(find_preset("bert_large"))
    assert set(lock.files) - set(lock.without_weights().files) == {"model.safetensors"}
    assert lock.without_weights().commit == lock.commit
