"""What a call asks for over what the checkpoint says; values that cannot be are all told at once."""

from __future__ import annotations

import pytest

import zoo
from zoo.generate.settings import MAX_NEW_TOKENS, end_tokens, generation_settings


def test_nothing_said_means_greedy_and_the_configs_stop_token():
    found = generation_settings(None, 7)

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
    for config, own, name in (
        ({"eos_token_id": ends}, None, "generation_config.json"),
        (None, ends, "config.json"),
    ):
        for read in (generation_settings, end_tokens):
            with pytest.raises(zoo.ZooError, match=rf"eos_token_id = .* of {name} should be token ids"):
                read(config, own)


@pytest.mark.parametrize("config", [{"temperature": 0.5}, {}])
def test_a_generation_config_alone_decides_the_stop_tokens(config):
    assert generation_settings(config, 5).stop_ids == end_tokens(config, 5) == set()
    assert generation_settings(None, 5).stop_ids == end_tokens(None, 5) == {5}


def test_what_is_not_supported_is_told_with_a_way_and_ends_are_read_beside_it():
    config = {"num_return_sequences": 3, "max_time": 2.0, "dola_layers": "high", "token_healing": True}
    harmless = {"num_return_sequences": 1, "max_time": None, "dola_layers": None, "token_healing": False}

    with pytest.raises(zoo.ZooError) as caught:
        generation_settings(config | {"encoder_repetition_penalty": 1.2}, None)

    told = str(caught.value)
    for name in (*config, "encoder_repetition_penalty"):
        assert f"{name} = " in told
        assert f"model.generation_config['{name}']" in caught.value.fix
    assert generation_settings(harmless | {"encoder_repetition_penalty": 1.0}, None).sampling.greedy
    assert end_tokens({**config, "eos_token_id": [1, 2]}, None) == {1, 2}


@pytest.mark.parametrize(
    "config",
    [{"max_length": 0}, {"max_new_tokens": 0}, {"top_p": 2}, {"repetition_penalty": -1}, {"stop_strings": [""]}],
    ids=str,
)
def test_a_value_of_the_file_is_told_as_the_files(config):
    (name,) = config
    with pytest.raises(zoo.ZooError, match=f"{name}( = .*)? of generation_config.json"):
        generation_settings(config, None)


@pytest.mark.parametrize(
    "given", [{"temperature": 1e-40}, {"top_p": 1e-40}, {"repetition_penalty": 1e-40}], ids=str
)
def test_numbers_that_float32_takes_for_none(given):
    with pytest.raises(zoo.ZooError, match=f"{next(iter(given))} = 1e-40 is beyond what float32"):
        generation_settings(None, None, **given)
    assert generation_settings(None, None, **dict.fromkeys(given, 1e-12))


def test_no_top_k_said_is_the_references_own_where_the_checkpoint_samples():
    assert generation_settings({"do_sample": True, "top_k": None}, None).sampling.top_k == 50
    assert generation_settings({"top_k": None}, None, temperature=1.0).sampling.top_k is None


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
