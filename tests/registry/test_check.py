"""zoo.registry.check: what is read only where its form is right"""

from __future__ import annotations

import pytest

from zoo.registry.check import golden_faults, lock_faults

NO_ENTRY = "it has no entry for the preset, or one that is not an object"
GOLDEN = {"inputs": ["a"], "outputs": [[0.5]], "tolerance": 1e-5, "reference": "transformers"}


def test_a_pin_may_leave_out_what_nobody_recorded():
    files = {"a": {}, "b": {"size": None, "sha256": None, "git_oid": None}, "c": {"size": 1, "sha256": "x"}}
    assert lock_faults({"commit": "", "files": files}) == []


def test_every_fault_of_a_lock_is_told():
    files = {"a": {"size": True, "sha256": 5}, "b": [], "c": {"git_id": "x"}}
    assert lock_faults({"commit": 1, "files": files, "note": ""}) == [
        "'note' is not a key here.",
        "commit is not a string",
        "a: size True is not a whole number",
        "a: sha256 5 is not a string",
        "b is not an object",
        "c: 'git_id' is not a key here. Did you mean 'git_oid'?",
    ]


@pytest.mark.parametrize("faults", [lock_faults, golden_faults])
@pytest.mark.parametrize("entry", [None, 5, "x", []])
def test_what_is_no_object_is_no_entry(faults, entry):
    assert faults(entry) == [NO_ENTRY]


def test_golden_outputs_need_every_key():
    assert golden_faults(GOLDEN) == []
    assert golden_faults(GOLDEN | {"tolerance": 0}) == []
    assert golden_faults({}) == [
        "inputs is not a list",
        "outputs is not a list",
        "tolerance is not a number",
        "reference is not a string",
    ]
    assert golden_faults(GOLDEN | {"tolerance": True, "input": []}) == [
        "'input' is not a key here. Did you mean 'inputs'?",
        "tolerance is not a number",
    ]
