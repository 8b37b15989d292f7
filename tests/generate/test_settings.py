"""What a call asks for over what the checkpoint says; values that cannot be are all told at once."""

from __future__ import annotations

import pytest

import zoo
from zoo.generate.settings import MAX_NEW_TOKENS, generation_settings


def test_nothing_said_means_greedy_and_the_configs_stop_token():
    found = generation_settings({}, 7)

    assert found.sampling.greedy
    assert (found.max_new_tokens, found.stop_ids, found.stop) == (MAX_NEW_TOKENS, {7}, ())


def test_the_checkpoint_says_how_to_sample_and_a_call_says_otherwise():
    config = {"do_sample": True, "temperature": 0.6, "top_k": 64, "top_p": 0.95, "eos_token_id": [1, 106]}

    found = generation_settings(config, 5)
    other = generation_settings(config, 5, temperature=0, top_k=3, max_new_tokens=9, stop=["\n", "END"], seed=4)

    assert (found.sampling.temperature, found.sampling.top_k, found.sampling.top_p) == (0.6, 64, 0.95)
    assert found.stop_ids == {1, 106}
    assert other.sampling.greedy
    assert (other.max_new_tokens, other.stop, other.seed) == (9, ("\n", "END"), 4)


def test_what_else_a_checkpoint_says():
    found = generation_settings({"do_sample": True, "max_length": 64, "stop_strings": ["END"]}, None)

    assert (found.sampling.top_k, found.max_new_tokens, found.max_length) == (50, 64, 64)  # 50 as the reference
    assert found.stop == ("END",)
    assert generation_settings({"stop_strings": ["END"]}, None, stop=[]).stop == ()
    assert generation_settings({"do_sample": True, "top_k": 0}, None).sampling.top_k is None
    assert generation_settings({"max_length": 64}, None, max_new_tokens=3).max_length is None
    assert generation_settings({"bad_words_ids": [], "suppress_tokens": []}, None, stop=None).stop == ()


@pytest.mark.parametrize(
    "given", [{"stop": 3}, {"temperature": 10**400}, {"seed": True}, {"max_new_tokens": 2.5}], ids=str
)
def test_values_of_wrong_kinds(given):
    with pytest.raises(zoo.ZooError, match=f"{next(iter(given))} = "):
        generation_settings({}, None, **given)


@pytest.mark.parametrize("ends", ["x", [None], 1.5])
def test_stop_tokens_that_are_none(ends):
    with pytest.raises(zoo.ZooError, match="eos_token_id"):
        generation_settings({"eos_token_id": ends}, None)


def test_a_generation_config_alone_decides_the_stop_tokens():
    assert generation_settings({"temperature": 0.5}, 5).stop_ids == set()


def test_sampling_values_of_a_config_that_does_not_sample_change_nothing():
    assert generation_settings({"temperature": 0.6, "top_p": 0.9}, None).sampling.greedy


@pytest.mark.parametrize("given", [{"top_k": 5}, {"top_p": 0.9}, {"min_p": 0.1}])
def test_who_filters_means_to_draw(given):
    assert generation_settings({}, None, **given).sampling.temperature == 1.0


def test_every_value_that_cannot_be_is_told():
    with pytest.raises(zoo.ZooError) as caught:
        generation_settings(
            {"num_beams": 4},
            None,
            max_new_tokens=0,
            temperature=-1,
            top_k=0,
            top_p=0,
            min_p=1.5,
            repetition_penalty=float("nan"),
            stop=["", "x"],
            seed=-1,
        )

    told = str(caught.value)
    names = ("num_beams = 4", "max_new_tokens = 0", "temperature = -1", "top_p = 0", "min_p = 1.5", "seed = -1")
    assert all(name in told for name in (*names, "repetition_penalty = nan", "stop = ['', 'x']", "top_k = 0"))
