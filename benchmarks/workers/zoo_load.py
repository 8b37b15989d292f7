"""Load a model and embed texts with zoo. Job: `model`, `texts`, `output`."""

from job import JOB, embed_in_turn

import zoo

model = zoo.load(JOB["model"])
embed_in_turn(lambda text: model.embed([text]))
