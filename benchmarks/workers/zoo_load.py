"""Load MiniLM and embed texts with zoo. Job: `texts`, `output`."""

from job import embed_in_turn

import zoo

model = zoo.load("minilm_l6")
embed_in_turn(lambda text: model.embed([text]))
