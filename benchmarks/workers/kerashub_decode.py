"""Generation with KerasHub on JAX: the same network, with random weights of its own."""

import keras
import keras_hub  # pyright: ignore[reportMissingImports]
import numpy as np
from decode_job import run
from job import JOB

keras.config.set_dtype_policy(JOB["dtype"])
config = JOB["config"]
backbone = keras_hub.models.Gemma3Backbone(
    vocabulary_size=config["vocab_size"],
    image_size=None,
    num_layers=config["num_hidden_layers"],
    num_query_heads=config["num_attention_heads"],
    num_key_value_heads=config["num_key_value_heads"],
    hidden_dim=config["hidden_size"],
    intermediate_dim=config["intermediate_size"],
    head_dim=config["head_dim"],
    use_query_key_norm=True,
    use_post_ffw_norm=True,
    use_post_attention_norm=True,
    use_sliding_window_attention=True,
    sliding_window_size=config["sliding_window"],
    vision_encoder=None,
)
model = keras_hub.models.Gemma3CausalLM(backbone=backbone, preprocessor=None)
model.compile(sampler="greedy")
step = model.make_generate_function()  # what generate() calls on each batch


def generate(ids: np.ndarray, new: int) -> np.ndarray:
    length = ids.shape[1]
    padded = np.pad(ids, ((0, 0), (0, new)))
    mask = np.pad(np.ones_like(ids), ((0, 0), (0, new)))
    found = step({"token_ids": padded, "padding_mask": mask}, stop_token_ids=None)
    return np.asarray(found["token_ids"])[:, length:]


run(generate)
