"""What rotary embeddings refuse; what they compute is held against transformers where a model has them."""

from __future__ import annotations

import re

import pytest

from zoo.nn import Rope

LONGROPE = {"rope_type": "longrope", "short_factor": [1, 1.5], "long_factor": [2.5, 4], "factor": 2.0}


def read(**changes):
    return Rope.read({**LONGROPE, **changes}, theta=100.0, context=64, head_dim=4)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"short_factor": None}, "short_factor = None should be a list of 2 positive numbers"),
        ({"short_factor": 1.5}, "short_factor = 1.5 should be a list of 2 positive numbers"),
        ({"short_factor": "ab"}, "short_factor = 'ab' should be a list of 2 positive numbers"),
        ({"long_factor": [1, 2, 3]}, "long_factor has 3 numbers, and should be a list of 2"),
        ({"long_factor": []}, "long_factor has 0 numbers"),
        ({"long_factor": [1, "2"]}, "long_factor has '2', and should be a list of 2 positive numbers"),
        ({"long_factor": [True, 2]}, "long_factor has True"),
        ({"long_factor": [0, 2]}, "long_factor has 0, and"),
        ({"long_factor": [1, float("nan")]}, "long_factor has nan"),
        ({"factor": "2"}, "factor = '2' should be a positive number"),
        ({"factor": -2}, "factor = -2 should be a positive number"),
        ({"attention_factor": [1]}, "attention_factor = [1] should be a positive number"),
        ({"original_max_position_embeddings": "64"}, "original_max_position_embeddings = '64' should be"),
        ({"original_max_position_embeddings": 1}, "original_max_position_embeddings = 1 should be more than 1"),
    ],
    ids=str,
)
def test_wrong_numbers_of_longrope(changes, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        read(**changes)


def test_all_faults_are_told_at_once():
    with pytest.raises(
        ValueError, match=r"^factor = 0 .*; short_factor has 1 .*; long_factor = None .*'longrope'\)$"
    ):
        read(short_factor=[1], long_factor=None, factor=0)


@pytest.mark.parametrize("theta", [1, 1.0])
def test_yarn_needs_channels_that_turn_differently(theta):
    with pytest.raises(ValueError, match="rope_theta = 1 turns all channels alike"):
        Rope.read({"rope_type": "yarn", "factor": 2.0, "rope_theta": theta}, theta=100.0, context=64, head_dim=4)


def test_a_rope_is_a_key():
    assert read() == read()
    assert hash(read()) == hash(read())
    assert read() != read(long_factor=[2.5, 5])
