"""EfficientNet against transformers' on the same random weights: logits, features, running statistics, and back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import transformers
from zoo_efficientnet.config import EfficientNetConfig

import zoo
from tests.references.compiled import outputs, trainer
from tests.references.torch_images import calibrated, channels_first, close, images, randomise
from zoo.errors import ZooError
from zoo.weights.build import variable_path
from zoo.weights.export import tensors_of

TINY = {
    "width_coefficient": 0.5,
    "depth_coefficient": 1.0,
    "depth_divisor": 4,
    "kernel_sizes": [3, 5, 3],
    "in_channels": [32, 16, 24],
    "out_channels": [16, 24, 40],
    "strides": [1, 2, 2],
    "num_block_repeats": [1, 2, 2],
    "expand_ratios": [1, 6, 6],
    "hidden_dim": 640,
    "dropout_rate": 0.0,
    "drop_connect_rate": 0.0,
}
VARIANTS = {
    "plain": {},
    "deeper and wider": {"depth_coefficient": 1.4, "width_coefficient": 0.75, "hidden_dim": 960},
    "square padding": {"depthwise_padding": [1, 3]},
    "another activation": {"hidden_act": "gelu"},
    "one channel": {"num_channels": 1},
    "pooled by the maximum": {"pooling_type": "max"},
    "another epsilon and squeeze": {"batch_norm_eps": 1e-2, "squeeze_expansion_ratio": 0.5},
    "first stage strides": {"strides": [2, 1, 2]},
}


def reference(**settings):
    torch.manual_seed(7)
    config = transformers.EfficientNetConfig(num_labels=5, initializer_range=0.2, **settings)
    return randomise(transformers.EfficientNetForImageClassification(config))


def layout_of(model):
    return model.record.layouts[model.layout](model.config, model.task)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_logits_and_the_features_of_every_stage_are_the_reference_s(variant, tmp_path):
    told = reference(**TINY | variant)
    told.save_pretrained(tmp_path)
    model = zoo.load(tmp_path)
    plan = model.config.plan
    ends = list(itertools.accumulate(len(stage) for stage in plan.stages))
    # The maps are those before the next stride, and the last.
    told_of = [*(end for end, after in zip([0, *ends], plan.stages, strict=False) if after[0].stride > 1), ends[-1]]
    for size in ((64, 64), (61, 45)):
        x = images(size, variant.get("num_channels", 3))
        logits, maps = outputs(model, x)
        with torch.no_grad():
            out = told(channels_first(x), output_hidden_states=True)
        close(logits, out.logits)
        for features, end in zip(maps, told_of, strict=True):
            close(features, out.hidden_states[end])


def test_training_mode_gives_the_same_logits_and_moves_the_statistics_equally(tmp_path):
    told = reference(**TINY)
    told.save_pretrained(tmp_path)
    model = zoo.load(tmp_path)
    told.train()
    train = trainer(model)
    for step in range(3):
        x = images((40, 34), batch=4) + step
        close(train(x), told(channels_first(x)).logits, tolerance=1e-4)
    state, layout = told.state_dict(), layout_of(model)
    for variable in model.weights:
        rule, numbers = layout.rule(variable_path(model, variable))
        tensor = state[next(layout.names(rule, numbers))].numpy()
        np.testing.assert_allclose(rule.op.save(np.asarray(variable)), tensor, atol=1e-5, err_msg=variable.path)


def test_b0_at_full_depth_is_within_1e_4(tmp_path):
    told = reference(width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280)
    told = calibrated(told, images((96, 96), batch=8))
    told.save_pretrained(tmp_path)
    x = images((96, 96), batch=2)
    with torch.no_grad():
        close(outputs(zoo.load(tmp_path), x)[0], told(channels_first(x)).logits, tolerance=1e-4)


def test_dropout_and_dropped_blocks_follow_the_config(tmp_path):
    reference(**TINY | {"dropout_rate": 0.5, "drop_connect_rate": 0.4}).save_pretrained(tmp_path)
    model = zoo.load(tmp_path)
    assert model.config.plan.dropout == 0.5
    assert [block.drop for block in model.config.plan.stages[-1]] == pytest.approx([0.4 * 3 / 5, 0.4 * 4 / 5])
    train, x = trainer(model), images((32, 32))
    assert not np.allclose(train(x), train(x))


def test_every_tensor_goes_back_under_its_name_and_transformers_reads_it_without_a_complaint(tmp_path):
    told = reference(**TINY)
    told.save_pretrained(tmp_path / "given")
    model = zoo.load(tmp_path / "given")
    written, state = tensors_of(model, layout_of(model)), told.state_dict()
    assert set(written) == set(state)
    for name, tensor in written.items():
        np.testing.assert_array_equal(tensor.numbers(), state[name].numpy())
    for task, auto in (
        ("image-classification", transformers.AutoModelForImageClassification),
        ("feature-extraction", transformers.AutoModel),
    ):
        zoo.load(tmp_path / "given", task=task).save_pretrained(tmp_path / task)
        again, loading = auto.from_pretrained(tmp_path / task, output_loading_info=True)
        assert not loading["missing_keys"]
        assert not loading["unexpected_keys"]
        x = images((32, 32))
        with torch.no_grad():
            close(outputs(zoo.load(tmp_path / task), x)[0], again.eval()(channels_first(x))[0])


def test_a_config_s_faults_are_told_together():
    source = {"strides": [1, 3], "kernel_sizes": [3], "pooling_type": "median", "hidden_dim": 0}
    source |= {"dropout_rate": 1.0, "drop_connect_rate": -1}
    with pytest.raises(ZooError) as told:
        EfficientNetConfig.read(source, "the test")
    for word in ("strides", "differ in length", "median", "hidden_dim", "dropout_rate = 1.0", "drop_connect_rate"):
        assert word in str(told.value)
