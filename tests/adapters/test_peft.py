"""Adapters in PEFT's format, both ways: PEFT, run live, computes with them what zoo does."""

from __future__ import annotations

import json

import numpy as np
import peft
import pytest

import zoo

BERT_KINDS = {
    "lora": {"target_modules": ["query", "output.dense"], "lora_alpha": 9},
    "all-linear": {"target_modules": "all-linear"},
    "regular expression": {"target_modules": r".*layer\.1\..*(query|value)"},
    "some layers": {"target_modules": ["key"], "layers_to_transform": [1]},
    "excluded": {"target_modules": ["query", "dense"], "exclude_modules": ["pooler.dense"]},
    "rslora": {"target_modules": ["query"], "use_rslora": True},
    "dora": {"target_modules": ["query", "intermediate.dense"], "use_dora": True, "lora_alpha": 3},
    "patterns": {
        "target_modules": ["query", "value"],
        "rank_pattern": {"query": 2},
        "alpha_pattern": {"bert.encoder.layer.0.attention.self.value": 5},
    },
    "whole modules": {"target_modules": ["query"], "modules_to_save": ["pooler", "LayerNorm"]},
}
GEMMA_KINDS = {
    "lora": {"target_modules": ["q_proj", "v_proj"]},
    "all-linear": {"target_modules": "all-linear", "use_rslora": True},
    "dora": {"target_modules": ["o_proj", "gate_proj", "down_proj"], "use_dora": True},
}
LLAMA_KINDS = {
    "the head, too": {"target_modules": ["q_proj", "down_proj", "lm_head"]},
    "the head kept whole": {"target_modules": ["v_proj"], "modules_to_save": ["lm_head"]},
}


@pytest.fixture(
    params=[
        *(("bert", name) for name in BERT_KINDS),
        *(("gemma", name) for name in GEMMA_KINDS),
        *(("llama", name) for name in LLAMA_KINDS),
    ]
)
def pair(request, reference, tmp_path):
    """A base, an adapter that PEFT wrote for it, and the reference with both."""
    kind, name = request.param
    settings = {"bert": BERT_KINDS, "gemma": GEMMA_KINDS, "llama": LLAMA_KINDS}[kind][name]
    task_type = "SEQ_CLS" if kind == "bert" else "CAUSAL_LM"
    base = request.getfixturevalue(kind)
    adapted = reference(base, peft.LoraConfig(**{"task_type": task_type, "r": 4, **settings}))
    adapted.save_pretrained(tmp_path / "adapter")
    return base, tmp_path / "adapter", adapted


def test_zoo_loads_what_peft_writes_and_peft_what_zoo_writes(pair, reference, arrays, logits, tmp_path):
    base, adapter, adapted = pair
    seen = arrays["attention_mask"].astype(bool)

    def shown(outputs):
        outputs = np.asarray(outputs)
        return outputs[seen] if outputs.ndim == 3 else outputs

    expected = shown(logits(adapted, arrays))
    plain = shown(zoo.load(base)(arrays))
    model = zoo.load(base, adapter=adapter)
    assert np.abs(plain - expected).max() > 1e-2
    np.testing.assert_allclose(shown(model(arrays)), expected, atol=1e-5)

    model.adapters.save(tmp_path / "again")
    again = reference(base, tmp_path / "again")
    np.testing.assert_allclose(shown(logits(again, arrays)), expected, atol=1e-5)
    loras = [
        {n.split("base_layer")[0] for n, _ in m.named_modules() if "base_layer" in n} for m in (again, adapted)
    ]
    assert loras[0] == loras[1]  # nothing more than what was changed carries an adapter there

    model.save_pretrained(tmp_path / "merged")
    np.testing.assert_allclose(shown(zoo.load(tmp_path / "merged")(arrays)), expected, atol=1e-5)
    np.testing.assert_allclose(shown(model(arrays)), expected, atol=1e-5)  # writing it merged nothing here
    model.adapters.merge()
    assert not model.adapters
    np.testing.assert_allclose(shown(model(arrays)), expected, atol=1e-5)


@pytest.mark.parametrize("targets", ["attention", "mlp", "all", "query", "*/layer_1/*, bert.pooler.dense"])
@pytest.mark.parametrize("how", [{}, {"dora": True}, {"rslora": True, "rank": 3, "alpha": 5}])
def test_a_new_adapter_changes_nothing_and_peft_takes_it(targets, how, bert, reference, arrays, logits, tmp_path):
    model = zoo.load(bert)
    before = np.asarray(model(arrays))
    model.adapters.add(targets=targets, **how)
    np.testing.assert_allclose(model(arrays), before, atol=1e-6)
    for variable in model.trainable_variables:
        noise = np.random.default_rng(0).normal(scale=0.1, size=variable.shape)
        variable.assign(variable + noise.astype(np.float32))
    changed = np.asarray(model(arrays))
    assert np.abs(changed - before).max() > 1e-2
    model.adapters.save(tmp_path / "adapter")
    theirs = reference(bert, tmp_path / "adapter")
    np.testing.assert_allclose(logits(theirs, arrays), changed, atol=1e-5)
    trained = sum(p.numel() for p in theirs.parameters() if p.requires_grad)
    assert trained == sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_a_new_head_is_trained_and_named_in_the_adapter(bert, reference, arrays, logits, tmp_path):
    model = zoo.load(bert, labels=["a", "b", "c", "d"])
    model.adapters.add()
    trained = {variable.path.removeprefix("model/") for variable in model.trainable_variables}
    assert {path for path in trained if not path.endswith(("lora/a", "lora/b"))} == {
        "head/classifier/kernel",
        "head/classifier/bias",
    }
    model.adapters.save(tmp_path / "adapter")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["modules_to_save"] == ["classifier"]
    assert config["base_model_name_or_path"] == str(bert)
    again = zoo.load(bert, adapter=tmp_path / "adapter")
    assert again.labels == ("a", "b", "c", "d")
    np.testing.assert_array_equal(again(arrays), model(arrays))


def test_the_preset_s_repository_and_commit_are_the_base(minilm, tmp_path):
    model = zoo.load("minilm_l6")
    model.adapters.add(rank=2)
    model.adapters.save(tmp_path / "adapter")
    config = peft.PeftConfig.from_pretrained(tmp_path / "adapter")
    assert config.base_model_name_or_path == "sentence-transformers/all-MiniLM-L6-v2"
    assert config.revision
    assert len(config.revision) == 40
    assert config.task_type == "FEATURE_EXTRACTION"
    assert set(config.target_modules) == {"query", "key", "value", "output.dense", "intermediate.dense"}
    assert zoo.load("minilm_l6", adapter=tmp_path / "adapter").embed("a text").shape == (1, 384)
