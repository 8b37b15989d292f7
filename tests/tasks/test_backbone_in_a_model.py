"""A backbone for pictures within another Keras model: its feature maps have gradients, its statistics move."""

from __future__ import annotations

import keras
import numpy as np

from zoo.loading import build, described

CONFIG = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}


class Pyramid(keras.Model):
    """What a detector begins with: the maps of every stage, brought to one width and added from coarse to fine."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.sides = [keras.layers.Conv2D(4, 1) for _ in range(2)]

    def call(self, x, training=False):
        maps = self.backbone.feature_maps({"pixel_values": x}, training=training)
        top = None
        for side, features in reversed(list(zip(self.sides, maps, strict=True))):
            features = side(features)
            top = features if top is None else features + keras.ops.repeat(keras.ops.repeat(top, 2, 1), 2, 2)
        return top


def test_a_detector_trains_the_backbone_and_moves_its_statistics():
    source = build(described("resnet", CONFIG), task="feature-extraction", weights="random")
    model = Pyramid(source.backbone)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = {weight.path: weight.numpy() for weight in source.backbone.weights}
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=shape).astype(np.float32) for shape in ((4, 32, 32, 3), (4, 8, 8, 4)))
    model.fit(x, y, batch_size=4, epochs=1, verbose=0)
    still = [
        weight.path for weight in source.backbone.weights if np.array_equal(weight.numpy(), before[weight.path])
    ]
    assert still == []
    assert model.predict(x, verbose=0).shape == (4, 8, 8, 4)
