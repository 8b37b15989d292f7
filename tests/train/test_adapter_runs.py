"""Recipes that train an adapter: what learns, what the run leaves, and what is refused."""

from __future__ import annotations

import dataclasses
import inspect
import json
import shutil
from pathlib import Path

import numpy as np
import peft
import pytest
import torch
import transformers

import zoo
from zoo.errors import ZooError
from zoo.testing import tiny_decoder
from zoo.train.evaluate import evaluate
from zoo.train.recipe import DataKeys, LoraKeys, ModelKeys, Recipe, TrainKeys

TEXTS = ["the film was superb and moving", "a dull plot with some awful scene", "quite fine"]


@pytest.fixture(scope="module")
def base(tiny_bert, tmp_path_factory) -> Path:
    """The tiny model with larger weights: of features as faint as its own, no adapter could make much."""
    folder = tmp_path_factory.mktemp("base") / "lively"
    shutil.copytree(tiny_bert, folder)
    model = transformers.BertModel.from_pretrained(tiny_bert)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def lora(recipe, base, tmp_path_factory) -> Recipe:
    """The recipe with an adapter on every linear layer."""
    keys = LoraKeys(rank=4, alpha=16, targets="all", dropout=0.05)
    return recipe.replace("model", preset=str(base), lora=keys).replace("output", dir="")


@pytest.fixture(scope="module")
def run(lora, tmp_path_factory) -> zoo.Run:
    return zoo.finetune(lora.replace("train", epochs=10), output=tmp_path_factory.mktemp("runs") / "lora")


def test_by_default_attention_and_mlp_are_adapted_in_recipes_and_in_python(base):
    model = zoo.load(base)
    model.adapters.add(rank=2)
    first = {v.path.partition("layer_0/")[2].partition("/lora/")[0] for v in model.trainable_variables} - {""}
    assert first == {"attention/query", "attention/key", "attention/value", "attention_output", "up", "down"}
    own = {name: one.default for name, one in inspect.signature(model.adapters.add).parameters.items()}
    keys = dataclasses.asdict(LoraKeys())
    del keys["quantize"]  # of the base, not of the adapter
    assert keys.items() <= own.items()


def losses(run) -> list[float]:
    return [record["loss"] for record in run.history if "learning_rate" in record]


def test_it_learns_what_can_be_learned(run, csv):
    assert evaluate(run, csv)["accuracy"] > 0.9
    assert run.metrics["accuracy"] > 2 / 3  # of 18 rows that are held out; so many are good
    assert np.mean(losses(run)[-5:]) < 0.4
    assert run.recipe.model.lora == LoraKeys(rank=4, alpha=16, targets="all", dropout=0.05)


def test_the_model_is_merged_and_the_adapter_lies_beside_it(run, base):
    merged = run.model()
    assert not merged.adapters
    adapted = zoo.load(base, adapter=run.path)
    assert adapted.labels == merged.labels == ("bad", "good")
    scores = merged.probabilities(TEXTS)
    np.testing.assert_allclose(adapted.probabilities(TEXTS), scores, atol=1e-5)
    assert np.ptp(scores[:, 0]) > 0.1

    arrays = merged.preprocess(TEXTS)
    batch = {name: torch.from_numpy(array).long() for name, array in arrays.items()}
    whole = transformers.BertForSequenceClassification.from_pretrained(base, num_labels=2)
    theirs = (
        peft.PeftModel.from_pretrained(whole, run.path / "adapter"),
        transformers.BertForSequenceClassification.from_pretrained(run.path / "model"),
    )
    with torch.no_grad():
        for model in theirs:
            np.testing.assert_allclose(model.eval()(**batch).logits, merged(arrays), atol=1e-5)


def test_only_the_adapter_and_the_new_head_have_moved(run, base):
    fresh = zoo.load(base, task="text-classification", labels=["bad", "good"])
    model = zoo.load(base, adapter=run.path)
    moved = []
    for variable in model.weights:
        before = next((v for v in fresh.weights if v.path == variable.path), None)
        if before is not None and not np.array_equal(before.value, variable.value):
            moved.append(variable.path)
    assert moved
    assert all(path.startswith("model/head/") for path in moved)


def test_the_run_tells_how_much_is_trained(lora, tmp_path):
    facts = {}

    class Listener:
        def fact(self, name, value):
            facts[name] = value

        def __getattr__(self, name):
            return lambda *args, **kwargs: None

    keys = dataclasses.replace(lora.train, epochs=1)
    run = zoo.finetune(dataclasses.replace(lora, train=keys), output=tmp_path / "run", listener=Listener())
    model = zoo.load(lora.model.preset, adapter=run.path)
    trained = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert facts["trained"].startswith(f"{trained:,} of ")
    assert facts["trained"] in run.report.read_text()


def test_an_adapter_is_trained_on_from_where_it_stood(lora, run, tmp_path):
    further = lora.replace("model", lora=None, adapter=str(run.path)).replace("train", epochs=1)
    more = zoo.finetune(further, output=tmp_path / "more")
    assert losses(more)[0] < losses(run)[0] / 2
    assert (more.path / "adapter" / "adapter_model.safetensors").is_file()
    assert "adapter_model.safetensors" in (more.path / "run.lock").read_text()


def test_bfloat16_keeps_the_base_in_it_and_the_adapter_in_float32(lora, tmp_path):
    from zoo.train.finetune import resolve
    from zoo.train.setup import make_model
    from zoo.train.splits import read_splits

    narrow = lora.replace("train", precision="bfloat16")
    resolved = resolve(narrow)
    model = make_model(resolved, read_splits(resolved))
    dtypes = {variable.path.removeprefix("model/"): variable.dtype for variable in model.weights}
    assert {dtypes[v.path.removeprefix("model/")] for v in model.trainable_variables} == {"float32"}
    assert dtypes["backbone/layer_0/attention/query/kernel"] == "bfloat16"
    assert dtypes["backbone/layer_0/mlp_norm/gamma"] == "float32"

    run = zoo.finetune(narrow, output=tmp_path / "run")
    assert np.mean(losses(run)[-5:]) < 0.4
    assert np.isfinite(run.model().probabilities(TEXTS)).all()


@pytest.mark.parametrize("how", [{"dora": True}, {"rslora": True, "targets": "mlp"}, {"quantize": True}])
def test_its_kin_train_too(how, lora, tmp_path):
    changed = lora.replace("model", lora=dataclasses.replace(lora.model.lora, **how))
    assert np.mean(losses(zoo.finetune(changed, output=tmp_path / "run"))[-5:]) < 0.4


def test_it_goes_with_other_ways_to_train(lora, tmp_path):
    ways = {"remat": "layers", "layer_decay": 0.9, "accumulate": 2, "ema": 0.5, "optimizer": "lion"}
    run = zoo.finetune(lora.replace("train", learning_rate=1e-3, **ways), output=tmp_path / "run")
    assert losses(run)[-1] < losses(run)[0]
    adapted = zoo.load(lora.model.preset, adapter=run.path)
    np.testing.assert_allclose(adapted.probabilities(TEXTS), run.model().probabilities(TEXTS), atol=1e-5)


def test_a_language_model_s_adapter(csv, tmp_path):
    texts = [line.partition(",")[0] for line in csv.read_text().splitlines()[1:]]
    base = tiny_decoder(tmp_path / "decoder", texts)
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    recipe = Recipe(
        model=ModelKeys(preset=str(base), task="text-generation", lora=LoraKeys(targets="all")),
        data=DataKeys(train=str(tmp_path / "texts.jsonl"), text="text", max_length=32),
        train=TrainKeys(epochs=3, batch_size=16, learning_rate=2e-2),
    )
    run = zoo.finetune(recipe, output=tmp_path / "run")
    assert losses(run)[-1] < losses(run)[0] - 0.1  # the frozen vocabulary is faint, and no logit of it large
    merged, adapted = run.model(), zoo.load(base, adapter=run.path)
    arrays = {"input_ids": np.arange(3, 23, dtype=np.int32)[None]}
    np.testing.assert_allclose(adapted(arrays), merged(arrays), atol=1e-5)
    whole = transformers.LlamaForCausalLM.from_pretrained(base)
    theirs = peft.PeftModel.from_pretrained(whole, run.path / "adapter").eval()
    with torch.no_grad():
        expected = theirs(input_ids=torch.from_numpy(arrays["input_ids"]).long()).logits
    np.testing.assert_allclose(adapted(arrays), expected, atol=1e-5)
    assert adapted.generate("the film", max_new_tokens=4, temperature=0) == merged.generate(
        "the film", max_new_tokens=4, temperature=0
    )


def test_every_fault_of_an_adapter_s_keys_at_once(csv, tmp_path):
    overrides = [
        "model.lora.rnk=8",
        "model.lora.rank=0",
        "model.lora.alpha='much'",
        "model.lora.dropout=1",
        "model.lora.targets=' , '",
        f"model.adapter={tmp_path / 'nowhere'}",
        "train.freeze=backbone",
    ]
    with pytest.raises(ZooError) as caught:
        zoo.finetune("minilm_l6", data=csv, output=tmp_path / "run", overrides=overrides)
    told = "\n".join(caught.value.why)
    for fault in (
        "model.lora.rnk is not a key of a recipe. Did you mean 'rank'?",
        "model.lora.rank = 0: it must be at least 1",
        "model.lora.alpha = 'much': a number is needed",
        "model.lora.dropout = 1: it must be at most 0.99",
        "model.lora.targets names no layer",
        "model.lora and model.adapter are both given",
        "model.adapter: There is no adapter at",
        'train.freeze = "backbone": an adapter leaves the model as it is already',
    ):
        assert fault in told
    assert not (tmp_path / "run").exists()


def test_lora_takes_a_table(csv):
    with pytest.raises(ZooError) as caught:
        zoo.finetune("minilm_l6", data=csv, overrides=["model.lora=8"])
    assert "model.lora = 8: a table is needed" in caught.value.why


def test_the_check_knows_what_an_adapter_saves(lora):
    checked = zoo.check(lora)
    whole = zoo.check(lora.replace("model", lora=None))
    assert checked.trainable < whole.trainable / 4
    assert checked.parameters > whole.parameters


def test_a_decoder_with_a_head_of_its_own(tmp_path):
    """Trained a little, merged, and read by PEFT: the same logits everywhere."""
    base = tiny_decoder(tmp_path / "base", TEXTS * 20, tie_word_embeddings=False)
    recipe = Recipe(
        model=ModelKeys(preset=str(base), task="text-generation", lora=LoraKeys(rank=4, targets="all, lm_head")),
        train=TrainKeys(steps=3, batch_size=4, learning_rate=1e-2),
    )
    run = tmp_path / "run"
    zoo.finetune(recipe, data={"text": TEXTS * 8}, output=run)

    def in_transformers(folder: Path) -> transformers.PreTrainedModel:
        return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    adapted = peft.PeftModel.from_pretrained(in_transformers(base), run / "adapter")
    ids = np.array([[5, 9, 30, 4, 17, 22]], np.int32)
    ours = np.asarray(zoo.load(run)({"input_ids": ids}))
    assert np.abs(ours - zoo.load(base)({"input_ids": ids})).max() > 1e-3
    for theirs in (in_transformers(run / "model"), adapted, adapted.merge_and_unload()):
        with torch.no_grad():
            logits = theirs.eval()(torch.from_numpy(ids).long()).logits.numpy()
        np.testing.assert_allclose(ours, logits, atol=1e-5)
    again = zoo.load(base, adapter=run / "adapter")
    np.testing.assert_allclose(again({"input_ids": ids}), ours, atol=1e-5)
