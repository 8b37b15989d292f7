"""Inference and training steps of KerasHub's image classifiers on JAX: the same networks, random weights."""

import keras
import keras_hub  # pyright: ignore[reportMissingImports]
import numpy as np
from image_job import Measured, labels, pictures, run
from job import JOB

SHAPE = (JOB["size"], JOB["size"], 3)
keras.config.set_dtype_policy(JOB["dtype"])


def resnet50():
    return keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 128, 256, 512],
        stackwise_num_blocks=[3, 4, 6, 3],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="bottleneck_block",
        image_shape=SHAPE,
    )


def efficientnet_b0():
    return keras_hub.models.EfficientNetBackbone(
        stackwise_width_coefficients=[1.0] * 7,
        stackwise_depth_coefficients=[1.0] * 7,
        stackwise_kernel_sizes=[3, 3, 5, 3, 5, 5, 3],
        stackwise_num_repeats=[1, 2, 2, 3, 3, 4, 1],
        stackwise_input_filters=[32, 16, 24, 40, 80, 112, 192],
        stackwise_output_filters=[16, 24, 40, 80, 112, 192, 320],
        stackwise_expansion_ratios=[1, 6, 6, 6, 6, 6, 6],
        stackwise_strides=[1, 2, 2, 2, 1, 2, 1],
        stackwise_squeeze_and_excite_ratios=[0.25] * 7,
        stackwise_block_types=["v1"] * 7,
        image_shape=SHAPE,
    )


BACKBONES = {"resnet50": resnet50, "efficientnet_b0": efficientnet_b0}


def build(name: str, checkpoint: str) -> Measured:
    model = keras_hub.models.ImageClassifier(
        backbone=BACKBONES[name](), num_classes=JOB["classes"], preprocessor=None, activation=None
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-4, weight_decay=0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[],
    )
    x, y = keras.ops.convert_to_tensor(pictures()), keras.ops.convert_to_tensor(labels())
    nothing = lambda: np.zeros((JOB["batch"], 1))  # noqa: E731  # its weights are others: nothing to compare
    infer = lambda: np.asarray(model.predict_on_batch(x))  # noqa: E731
    return nothing, infer, lambda: float(np.asarray(model.train_on_batch(x, y)))


run(build)
