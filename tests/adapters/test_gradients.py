"""One training step beside transformers and PEFT: the loss, and every gradient that an adapter learns by."""

from __future__ import annotations

import jax
import numpy as np
import peft
import pytest
import torch

import zoo
from zoo.nn import without_adapters
from zoo.tasks.labelled import NO_LABEL

KINDS = {
    "lora": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
}
BERT_TARGETS = ["query", "value", "intermediate.dense", "output.dense"]
GEMMA_TARGETS = ["q_proj", "k_proj", "o_proj", "up_proj", "down_proj"]
CLASSES = np.array([0, 2, 1])
PARTS = {"lora_A": "a", "lora_B": "b", "lora_magnitude_vector": "magnitude"}


def relative(ours, theirs) -> float:
    return float(np.abs(np.asarray(ours) - theirs).max() / np.abs(theirs).max())


def their_gradients(model) -> dict[str, np.ndarray]:
    """The gradients by module and part, turned as zoo has them; what is kept whole by its own name."""
    found = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            assert parameter.grad is None
            continue
        name = name.removeprefix("base_model.model.").replace(".default", "").replace(".modules_to_save", "")
        part = next((part for part in PARTS if part in name), None)
        gradient = parameter.grad.numpy()
        found[f"{name.partition(f'.{part}')[0]}/{PARTS[part]}" if part else name] = gradient.T if part else gradient
    return found


def our_gradients(model, gradients) -> dict[str, np.ndarray]:
    layout = model.weight_layout()
    found = {}
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        path = variable.path.removeprefix("model/")
        layer, is_lora, part = path.rpartition("/lora/")
        rule, numbers = layout.rule(f"{layer}/kernel" if is_lora else path)
        name = next(layout.names(rule, numbers))
        found[f"{name.removesuffix('.weight')}/{part}" if is_lora else name] = gradient
    return found


def step(model, loss):
    """Loss and gradients of one step, as training computes them."""
    trainable = [v.value for v in model.trainable_variables]
    fixed = [v.value for v in model.non_trainable_variables]

    def of(trainable):
        return loss(lambda arrays: model.stateless_call(trainable, fixed, arrays, training=True)[0])

    return jax.jit(jax.value_and_grad(of))(trainable)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_of_a_classifier(kind, bert, reference, arrays, tmp_path):
    config = peft.LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=6, target_modules=BERT_TARGETS, **KINDS[kind])
    theirs = reference(bert, config).train()
    theirs.save_pretrained(tmp_path / "adapter")
    ours = zoo.load(bert, adapter=tmp_path / "adapter")

    batch = {name: torch.from_numpy(array).long() for name, array in arrays.items()}
    their_loss = theirs(**batch, labels=torch.from_numpy(CLASSES)).loss
    their_loss.backward()

    def loss(call):
        return -jax.nn.log_softmax(call(arrays))[np.arange(3), CLASSES].mean()

    found, gradients = step(ours, loss)
    assert abs(float(found) - their_loss.item()) < 1e-5 * their_loss.item()
    expected, found = their_gradients(theirs), our_gradients(ours, gradients)
    assert found.keys() == expected.keys()
    assert any(name.startswith("classifier") for name in found)
    for name, gradient in expected.items():
        assert relative(found[name], gradient) < 1e-5, name


@pytest.mark.parametrize(
    ("base", "kind", "more"),
    [*(("gemma", kind, ()) for kind in KINDS), ("llama", "lora", ()), ("llama", "lora", ("lm_head",))],
)
def test_a_step_of_a_decoder(base, kind, more, request, reference, arrays, tmp_path):
    folder = request.getfixturevalue(base)
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=[*GEMMA_TARGETS, *more], **KINDS[kind])
    theirs = reference(folder, config).train()
    theirs.save_pretrained(tmp_path / "adapter")
    ours = zoo.load(folder, adapter=tmp_path / "adapter")

    ids, seen = arrays["input_ids"], arrays["attention_mask"]
    batch = {name: torch.from_numpy(array).long() for name, array in arrays.items()}
    their_loss = theirs(**batch, labels=torch.from_numpy(np.where(seen, ids, -100)).long()).loss
    their_loss.backward()

    def loss(call):
        total, count, _ = call({**arrays, "labels": np.where(seen, ids, NO_LABEL)})
        return total / count

    found, gradients = step(ours, loss)
    assert abs(float(found) - their_loss.item()) < 1e-5 * their_loss.item()
    expected, found = their_gradients(theirs), our_gradients(ours, gradients)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert relative(found[name], gradient) < 1e-5, name


@pytest.mark.parametrize("dora", [False, True])
def test_packed_rows_give_the_padded_batch_s_gradients(dora, bert, arrays):
    model = zoo.load(bert)
    model.adapters.add(rank=4, targets="all", dora=dora)
    noise = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable + noise.normal(scale=0.1, size=variable.shape).astype(np.float32))
    lengths = arrays["attention_mask"].sum(axis=1)
    places = [(0, 0), (1, 0), (1, lengths[1])]  # the second and the third share a row
    packed = {name: np.zeros((2, 12), np.int32) for name in ("input_ids", "segment_ids", "position_ids")}
    for n, (row, start) in enumerate(places):
        cells = slice(start, start + lengths[n])
        packed["input_ids"][row, cells] = arrays["input_ids"][n, : lengths[n]]
        packed["segment_ids"][row, cells] = n + 1
        packed["position_ids"][row, cells] = np.arange(lengths[n])
    packed["example_index"] = np.array(places, np.int32)

    def loss_of(batch):
        return lambda call: -jax.nn.log_softmax(call(batch))[np.arange(3), CLASSES].mean()

    (one, ours), (other, theirs) = step(model, loss_of(packed)), step(model, loss_of(arrays))
    assert abs(one - other) < 1e-5 * other
    for variable, gradient, expected in zip(model.trainable_variables, ours, theirs, strict=True):
        assert relative(gradient, np.asarray(expected)) < 1e-5, variable.path


def test_no_gradient_is_computed_for_what_is_frozen(bert, arrays):
    """A product in the shape of a kernel is that kernel's gradient: the full step has them, the adapter's none."""

    def products(model) -> int:
        trainable = [v.value for v in model.trainable_variables]
        fixed = [v.value for v in model.non_trainable_variables]

        def loss(trainable):
            return model.stateless_call(trainable, fixed, arrays, training=True)[0].sum()

        text = jax.jit(jax.grad(loss)).lower(trainable).compile().as_text()
        shapes = ("f32[48,32]", "f32[32,48]")  # the two kernels of the perceptrons, and nothing else
        return sum(
            " dot(" in line and line.strip().split(" = ")[-1].startswith(shapes) for line in text.split("\n")
        )

    full, adapted = zoo.load(bert), zoo.load(bert)
    adapted.adapters.add(rank=4, targets="all")
    assert products(full) >= 4
    assert products(adapted) == 0


def test_a_language_model_s_loss_computes_no_gradient_of_a_frozen_vocabulary(gemma, arrays):
    labels = np.where(arrays["attention_mask"], arrays["input_ids"], NO_LABEL)

    def compiled(model) -> str:
        trainable = [v.value for v in model.trainable_variables]
        fixed = [v.value for v in model.non_trainable_variables]

        def loss(trainable):
            return model.stateless_call(trainable, fixed, {**arrays, "labels": labels}, training=True)[0][0]

        return jax.jit(jax.grad(loss)).lower(trainable).compile().as_text()

    whole, adapted = zoo.load(gemma), zoo.load(gemma)
    adapted.adapters.add(rank=4)
    gradient = "= f32[100,32]{1,0} dot("
    assert gradient in compiled(whole)
    assert gradient not in compiled(adapted)


def test_the_reference_model_of_a_preference_is_the_same_one_without_its_adapter(bert, arrays):
    model = zoo.load(bert)
    before = np.asarray(model(arrays))
    model.adapters.add(rank=4)
    for variable in model.trainable_variables:
        if "lora" in variable.path:
            variable.assign(variable + 0.3)
    values = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]

    @jax.jit
    def both(trainable, fixed):
        with without_adapters():
            base, _ = model.stateless_call(trainable, fixed, arrays)
        return base, model.stateless_call(trainable, fixed, arrays)[0]

    base, adapted = both(*values)
    np.testing.assert_allclose(base, before, atol=1e-6)
    assert np.abs(adapted - base).max() > 1e-2


def test_dropout_on_the_way_to_the_change_is_active_in_training_alone(gemma, arrays):
    model = zoo.load(gemma)
    model.adapters.add(rank=4, dropout=0.5, targets="all")
    for variable in model.trainable_variables:
        variable.assign(variable + 0.1)
    trainable = [v.value for v in model.trainable_variables]
    fixed = [v.value for v in model.non_trainable_variables]
    one, after = model.stateless_call(trainable, fixed, arrays, training=True)
    other, _ = model.stateless_call(trainable, after, arrays, training=True)
    assert np.abs(one - other).max() > 1e-2
    again, _ = model.stateless_call(trainable, fixed, arrays, training=True)
    np.testing.assert_array_equal(one, again)
    plain = model.stateless_call(trainable, fixed, arrays, training=False)[0]
    np.testing.assert_array_equal(plain, model.stateless_call(trainable, after, arrays, training=False)[0])
