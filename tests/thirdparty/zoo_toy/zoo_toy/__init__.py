"""An example of a zoo plugin: the bag of embeddings, with the heads of two tasks.

`zoo.toml` beside this file says what the plugin has; this module is imported when something of it is used.
"""

from __future__ import annotations

import zoo


@zoo.hookimpl
def zoo_architectures() -> list[zoo.Architecture]:
    from zoo.data.text import text_preprocessor
    from zoo_toy import model

    return [
        zoo.Architecture(
            name="toy",
            config=model.ToyConfig,
            backbone=model.ToyBackbone,
            heads={
                "feature-extraction": zoo.Head(model.features, ("ToyModel",)),
                "text-classification": zoo.Head(model.ToyClassifier, ("ToyForSequenceClassification",)),
            },
            layouts={"toy": model.layout},
            preprocessor=text_preprocessor,
        )
    ]
