"""`model.generate` as a user calls it: texts, batches, streams, stops, seeds, and requests that cannot be met."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import tokenizers
import torch
import transformers

import zoo
from tests.generate.conftest import SENTENCES
from zoo.testing import tiny_decoder

PROMPTS = ["The horn of", "Return the", "東京の", "G"]


@pytest.fixture(scope="module")
def theirs(folder):
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def tokenizer(folder):
    return transformers.AutoTokenizer.from_pretrained(folder)


def compiled(model: Any) -> tuple[int, int]:
    """How often what runs the model was compiled, and what chooses the tokens."""
    engine = model.__dict__["_generation"]
    counts = [step._cache_size() for step in (engine._prefill, engine._decode, engine._first, engine._next)]
    return counts[0] + counts[1], counts[2] + counts[3]


def test_texts_equal_the_references(model, theirs, tokenizer):
    for prompt in PROMPTS:
        inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        ids = theirs.generate(**inputs, max_new_tokens=24, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        assert model.generate(prompt, max_new_tokens=24, return_ids=True) == ids.tolist()


def test_a_list_gives_what_each_gives_alone(model):
    alone = [model.generate(prompt, max_new_tokens=16) for prompt in PROMPTS]

    assert model.generate(PROMPTS, max_new_tokens=16) == alone
    assert model.generate(PROMPTS[:1], max_new_tokens=16) == alone[:1]
    assert model.generate([], max_new_tokens=16) == []


@pytest.mark.parametrize("settings", [{}, {"temperature": 1.3, "seed": 3}, {"stop": ["e"]}], ids=str)
def test_a_stream_is_the_same_text(settings, model):
    for prompt in PROMPTS:
        pieces = list(model.generate(prompt, max_new_tokens=24, stream=True, **settings))
        assert "".join(pieces) == model.generate(prompt, max_new_tokens=24, **settings)
        assert all(pieces)


def test_a_stream_comes_as_it_is_made(model):
    stream = model.generate("The horn of", max_new_tokens=100, stream=True)

    assert next(stream)
    stream.close()


def test_a_seed_decides_the_draws_wherever_a_prompt_stands(model):
    settings = {"max_new_tokens": 12, "temperature": 1.5, "top_k": 50, "return_ids": True}

    one, again, other = (model.generate(PROMPTS, seed=seed, **settings) for seed in (1, 1, 2))

    assert one == again
    assert one != other
    assert model.generate(PROMPTS[:1], seed=1, **settings) == one[:1]
    longer = [PROMPTS[0], "Return the number of items, or raise an error where there are none. " * 2]
    assert model.generate(longer, seed=1, **settings)[0] == one[0]
    assert len({tuple(ids) for ids in model.generate(["The"] * 4, seed=1, **settings)}) == 4


def test_a_stop_text_ends_and_is_left_out(model):
    whole = model.generate("The horn of", max_new_tokens=40)
    stop = whole[6:9]

    found = model.generate("The horn of", max_new_tokens=40, stop=stop, details=True)

    assert found.text == whole[: whole.find(stop)]
    assert found.ended == "stop"
    assert model.generate("The horn of", max_new_tokens=40, stop="that never comes") == whole


def test_stop_tokens_of_the_generation_config_end_a_text(model, folder, tmp_path):
    ids = model.generate("The horn of", max_new_tokens=20, return_ids=True)
    other = tiny_decoder(tmp_path / "model", SENTENCES, generation_config={"eos_token_id": [1, ids[7]]})
    loaded = zoo.load(other)

    found = loaded.generate("The horn of", max_new_tokens=20, logprobs=True)

    end = ids.index(ids[7])
    assert found.ids == ids[: end + 1]
    assert found.ended == "stop"
    loaded.save_pretrained(tmp_path / "saved")
    saved = json.loads((tmp_path / "saved" / "generation_config.json").read_text())
    assert saved == {"eos_token_id": [1, ids[7]]}


def test_a_stop_text_that_is_a_special_token_ends_too(model, folder):
    prompt, drawn = {"input_ids": np.array([[1, 60, 70, 80]])}, {"temperature": 1.5, "seed": 3}
    (ids,) = model.generate(prompt, max_new_tokens=20, **drawn)
    end = next(n for n in range(5, 20) if ids.index(ids[n]) == n)
    (before,) = model.generate(prompt, max_new_tokens=end, details=True, **drawn)
    loaded = zoo.load(folder)
    stop = loaded.preprocess.tokenizer.id_to_token(ids[end])
    loaded.preprocess.tokenizer.add_special_tokens([tokenizers.AddedToken(stop, special=True)])
    assert loaded.generate(prompt, max_new_tokens=20, **drawn) == [ids]

    for given, config in ((stop, {}), (["x" * 9, stop], {}), (None, {"stop_strings": stop})):
        loaded.generation_config = config
        settings = {"max_new_tokens": 20, "stop": given, **drawn}
        (found,) = loaded.generate(prompt, details=True, **settings)
        assert (found.ids, found.text, found.ended) == (ids[: end + 1], before.text, "stop")
        assert "".join(loaded.generate(prompt, stream=True, **settings)) == before.text


def test_logprobs_are_the_models(model, theirs):
    found = model.generate("Return the number", max_new_tokens=10, logprobs=True)
    prompt = model.preprocess.encode_batch(["Return the number"], truncate=False)[0].ids

    with torch.no_grad():
        logits = theirs(torch.tensor([prompt + found.ids])).logits[0].log_softmax(dim=-1)
    wanted = [float(logits[len(prompt) - 1 + n, token]) for n, token in enumerate(found.ids)]
    np.testing.assert_allclose(found.logprobs, wanted, atol=1e-4)
    assert found.ended == "length"


def test_arrays_give_ids_and_padding_on_either_side_is_no_matter(model):
    prompts = [encoding.ids for encoding in model.preprocess.encode_batch(PROMPTS, truncate=False)]
    length = max(map(len, prompts))
    left = [[0] * (length - len(p)) + p for p in prompts]
    right = [p + [0] * (length - len(p)) for p in prompts]
    masks = [[[int(token != 0) for token in row] for row in rows] for rows in (left, right)]

    wanted = model.generate(PROMPTS, max_new_tokens=8, return_ids=True)

    for rows, mask in zip((left, right), masks, strict=True):
        arrays = {"input_ids": np.array(rows, np.int32), "attention_mask": np.array(mask, np.int32)}
        assert model.generate(arrays, max_new_tokens=8) == wanted


def test_other_prompts_and_other_numbers_compile_nothing(model):
    model.generate("The horn", max_new_tokens=20, temperature=1.0, top_p=0.9)
    before = compiled(model)

    model.generate("Return a", max_new_tokens=17, temperature=0.3, top_p=0.5, seed=9)
    model.generate("G", max_new_tokens=20, temperature=2.0, top_p=0.99, seed=2)

    assert compiled(model) == before


def test_another_way_to_choose_compiles_the_choice_alone(model):
    model.generate("The horn", max_new_tokens=20)
    before = compiled(model)

    for way in ({"top_k": 3}, {"top_k": 4}, {"min_p": 0.1}, {"temperature": 1.0}, {"repetition_penalty": 1.2}):
        model.generate("The horn", max_new_tokens=20, **way)
    model.generate("The horn", max_new_tokens=20, logprobs=True)

    after = compiled(model)
    assert after[0] == before[0]
    assert after[1] > before[1]


def test_details_compile_nothing(model):
    text = model.generate("The horn", max_new_tokens=20)
    before = compiled(model)

    found = model.generate(["The horn"], max_new_tokens=20, details=True)[0]

    assert (found.text, len(found.ids), found.logprobs, found.ended) == (text, 20, [], "length")
    assert compiled(model) == before


def test_what_cannot_be_continued_is_told_at_once(model):
    long = "The horn of plenty " * 60
    with pytest.raises(zoo.ZooError) as caught:
        model.generate(["G", long, "The horn of"], max_new_tokens=125)
    told = str(caught.value)

    assert "prompt 2 has" in told
    assert "prompt 3 has" in told
    assert "prompt 1 has" not in told
    assert "not 125" in told
    assert "ask for fewer tokens by max_new_tokens" in caught.value.fix


def test_a_limit_of_the_generation_config_is_told_as_its_own(folder):
    loaded = zoo.load(folder)
    loaded.generation_config = {"max_length": 20}
    prompt = {"input_ids": np.full((1, 25), 60)}

    with pytest.raises(
        zoo.ZooError, match=r"25 tokens, and max_length of generation_config\.json allows 20"
    ) as caught:
        loaded.generate(prompt)

    assert "Give max_new_tokens" in caught.value.fix
    assert len(loaded.generate(prompt, max_new_tokens=3)[0]) == 3
    assert len(loaded.generate({"input_ids": prompt["input_ids"][:, :12]})[0]) <= 8


@pytest.mark.parametrize(
    ("prompts", "told"),
    [
        ("", "prompt 1 is empty"),
        (["a", ""], "prompt 2 is empty"),
        (("a", "b"), "prompt 1 is a pair"),
        (3, "Input 1 is not a text"),
        ({"input_ids": np.zeros((1, 0), np.int32)}, "prompt 1 has no token"),
        ({"input_ids": np.array([[5, 9999]])}, "token ids beyond the embedding's 384 rows"),
        ({"input_ids": np.array([5])}, "cannot be continued"),
        ({"ids": np.array([[5]])}, "have no input_ids"),
    ],
    ids=str,
)
def test_prompts_that_are_none(prompts, told, model):
    with pytest.raises(zoo.ZooError, match=told):
        model.generate(prompts)


def test_a_stream_is_for_one_prompt(model):
    with pytest.raises(zoo.ZooError, match="the text of one prompt, and there are 2") as caught:
        model.generate(["a", "b"], stream=True)
    assert caught.value.fix == "Call it for each of them, or leave stream=True out."
    with pytest.raises(zoo.ZooError, match=r"the text of one prompt\.\nLeave return_ids"):
        model.generate("a", stream=True, return_ids=True)


def test_a_model_without_a_tokenizer_takes_arrays(folder, tmp_path, model):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    bare = zoo.load(tmp_path)
    ids = {"input_ids": np.array([model.preprocess.encode_batch(["The"], truncate=False)[0].ids])}

    assert bare.generate(ids, max_new_tokens=5) == [model.generate("The", max_new_tokens=5, return_ids=True)]
    with pytest.raises(zoo.ZooError, match="without tokenizer files"):
        bare.generate("The")


def test_stops_and_streams_need_a_tokenizer(folder, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    bare, ids = zoo.load(tmp_path), {"input_ids": np.array([[2, 9, 8]])}

    for asked in ({"stop": "x"}, {"stream": True}):
        with pytest.raises(zoo.ZooError, match="without tokenizer files"):
            bare.generate(ids, **asked)


def test_rows_that_differ_in_length_are_no_array(model):
    with pytest.raises(zoo.ZooError, match="its rows differ in length"):
        model.generate({"input_ids": [[3, 4], [5]]})


def test_narrow_weights_generate_too(folder):
    assert isinstance(zoo.load(folder, dtype="bfloat16").generate("The horn", max_new_tokens=4), str)
