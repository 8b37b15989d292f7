"""Several adapters on one base: put on and off, trained, merged; and where they come from."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from zoo.errors import ZooError


def disturbed(model, seed: int = 0):
    """The model's outputs are others from here on: every trainable number has moved."""
    noise = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(variable + noise.normal(scale=0.2, size=variable.shape).astype(np.float32))
    return model


def test_adapters_are_switched_by_name(bert, arrays):
    model = zoo.load(bert)
    found = {None: np.asarray(model(arrays))}
    for n, name in enumerate(("one", "other")):
        model.adapters.add(name, rank=2 + n, targets=("attention", "mlp")[n])
        disturbed(model, n)
        found[name] = np.asarray(model(arrays))
    assert list(model.adapters) == ["one", "other"]
    for name in ("one", None, "other", "one", None):
        model.adapters.use(name)
        assert model.adapters.active == name
        np.testing.assert_array_equal(model(arrays), found[name])
    assert np.abs(found["one"] - found["other"]).max() > 1e-3
    with pytest.raises(ZooError, match="no adapter 'on'") as caught:
        model.adapters.use("on")
    assert "Did you mean 'one'?" in caught.value.what
    with pytest.raises(ZooError, match=r"no adapter \['one', 'other'\]"):
        model.adapters.use(["one", "other"])
    with pytest.raises(ZooError, match="'one' already"):
        model.adapters.add("one")


def test_a_new_adapter_begins_with_the_head_of_the_base(bert, arrays):
    model = zoo.load(bert)
    base = np.asarray(model(arrays))
    model.adapters.add("one", rank=2)
    assert np.abs(np.asarray(disturbed(model)(arrays)) - base).max() > 1e-3
    model.adapters.add("other", rank=2)
    np.testing.assert_allclose(model(arrays), base, atol=1e-6)


def test_what_is_compiled_follows_the_adapter(bert, arrays):
    model = zoo.load(bert)

    def plain(outputs, arrays):
        return outputs

    base = model.compiled_forward(plain)(arrays)
    model.adapters.add("one", rank=2)
    disturbed(model)
    one = model.compiled_forward(plain)(arrays)
    np.testing.assert_allclose(one, model(arrays), atol=1e-5)
    model.adapters.add("other", rank=2, alpha=64)  # the same shapes, another factor
    disturbed(model)
    other = model.compiled_forward(plain)(arrays)
    np.testing.assert_allclose(other, model(arrays), atol=1e-5)
    model.adapters.use(None)
    np.testing.assert_array_equal(model.compiled_forward(plain)(arrays), base)
    assert np.abs(one - base).max() > 1e-3
    assert np.abs(one - other).max() > 1e-3


def test_only_the_adapter_on_is_trained_and_all_again_without_one(bert):
    model = zoo.load(bert)
    every = len(model.trainable_variables)
    model.adapters.add("one")
    parts = {variable.path.rpartition("/")[2] for variable in model.trainable_variables}
    assert parts == {"a", "b", "kernel", "bias"}  # of the classifier, the last two
    assert len(model.trainable_variables) == 2 * 6 * 2 + 2
    model.adapters.use(None)
    assert len(model.trainable_variables) == every
    model.adapters.use("one")
    model.adapters.remove("one")
    assert len(model.trainable_variables) == every
    assert not model.adapters


def test_fit_trains_the_adapter_and_leaves_the_base(bert, arrays):
    model = zoo.load(bert)
    base = {v.path: np.asarray(v.value) for v in model.weights}
    model.adapters.add(rank=4)
    model.compile()
    history = model.fit(arrays, np.array([0, 2, 1]), epochs=4, verbose=0).history["loss"]
    assert history[-1] < history[0]
    moved = {v.path for v in model.weights if v.path in base and not np.array_equal(v.value, base[v.path])}
    assert moved == {"model/head/classifier/kernel", "model/head/classifier/bias"}
    model.adapters.use(None)
    for variable in model.weights:
        np.testing.assert_array_equal(variable.value, base[variable.path])


def test_merging_one_leaves_the_others_to_be_used(bert, arrays):
    model = zoo.load(bert)
    model.adapters.add("one", targets="all", dora=True)
    disturbed(model)
    expected = np.asarray(model(arrays))
    model.adapters.add("other")
    model.adapters.use("one")
    model.adapters.merge()
    assert list(model.adapters) == ["other"]
    assert model.adapters.active is None
    np.testing.assert_allclose(model(arrays), expected, atol=1e-5)
    model.adapters.use("other")
    model.adapters.use(None)
    np.testing.assert_allclose(model(arrays), expected, atol=1e-5)
    with pytest.raises(ZooError, match="no adapter on to merge") as caught:
        model.adapters.merge()
    assert "use('other')" in caught.value.fix


def test_a_seed_means_the_same_adapter(bert):
    def numbers(seed):
        model = zoo.load(bert)
        model.adapters.add(rank=4, dropout=0.1, seed=seed)
        return [np.asarray(variable.value) for variable in model.variables]

    for one, same in zip(numbers(1), numbers(1), strict=True):
        np.testing.assert_array_equal(one, same)
    assert any(not np.array_equal(one, other) for one, other in zip(numbers(1), numbers(2), strict=True))


def test_numbers_are_float32_whatever_the_base_is(bert, arrays):
    model = zoo.load(bert, dtype="bfloat16")
    model.adapters.add(rank=4, targets="all", dora=True, dropout=0.1)
    loras = [variable for variable in model.trainable_variables if "/lora/" in variable.path]
    assert {variable.dtype for variable in loras} == {"float32"}
    wide = zoo.load(bert)
    wide.adapters.add(rank=4, targets="all", dora=True, dropout=0.1)
    assert model(arrays).dtype == "bfloat16"
    np.testing.assert_allclose(np.asarray(model(arrays), np.float32), wide(arrays), atol=0.2)


def test_a_keras_file_holds_no_adapter(bert, tmp_path):
    model = zoo.load(bert)
    model.adapters.add()
    with pytest.raises(ZooError, match="cannot hold adapters"):
        model.save(tmp_path / "model.keras")
    model.adapters.merge()
    model.save(tmp_path / "model.keras")
    assert not zoo.load(tmp_path / "model.keras").adapters


def test_adapters_come_from_urls(bert, tmp_path, hub, python):
    model = zoo.load(bert)
    model.adapters.add(rank=2)
    disturbed(model)
    model.adapters.save(tmp_path / "adapter")
    url = f"file://{tmp_path / 'adapter'}"
    assert list(zoo.load(bert, adapter=url).adapters) == ["default"]
    commit = hub.add("org/adapter", {path.name: path.read_bytes() for path in (tmp_path / "adapter").iterdir()})
    code = "import sys, zoo; print(zoo.load(sys.argv[1], adapter=sys.argv[2]).adapters)"
    done = python(code, str(bert), f"hf://org/adapter@{commit}")
    assert "<1 adapter: default; default is on>" in done.stdout, done.stderr
