"""Load a model and embed texts with KerasHub's own embedder. Job: `model`, `texts`, `output`."""

import keras_hub  # pyright: ignore[reportMissingImports]
from job import JOB, embed_in_turn

embedder = keras_hub.models.TextEmbedder.from_preset(JOB["model"])
embed_in_turn(lambda text: embedder.encode_text([text], verbose=0))
